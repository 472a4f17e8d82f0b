"""Lambda in the emulator: every call runs in one of our workers instead of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_cloud.environment import LocalAddresses, added_environment
from local_cloud.executor import Executor
from local_cloud.function import Function
from local_cloud.sources import Sources

Record = dict[str, Any]


def function_of(record: Record, *, sources: Sources, shared_code_dirs: tuple[str, ...]) -> Function:
    """Our view of the emulator's record of a function."""
    config = record.get("config") or record
    variables = (config.get("Environment") or {}).get("Variables") or {}
    return Function(
        name=config["FunctionName"],
        arn=config["FunctionArn"],
        handler=config["Handler"],
        task_dir=sources.folder(config["CodeSha256"], code=record.get("code_zip")),
        layer_dirs=tuple(map(Path, shared_code_dirs)),
        memory_mb=int(config.get("MemorySize", 128)),
        timeout_s=float(config.get("Timeout", 3)),
        environment={name: str(value) for name, value in variables.items()},
    )


def local_variables(function: Function, *, role: str, addresses: LocalAddresses) -> dict[str, str]:
    """The variables added for one function, with credentials for its account or its role."""
    from ministack.core.lambda_runtime import execution_credentials

    config = {"FunctionArn": function.arn, "FunctionName": function.name, "Role": role}
    return added_environment(
        own=function.environment,
        region=function.arn.split(":")[3],
        credentials=execution_credentials(config),
        addresses=addresses,
    )


def install(
    *,
    executor: Executor,
    sources: Sources,
    shared_code_dirs: tuple[str, ...],
    addresses: LocalAddresses,
    called: Callable[[], None],
) -> None:
    """Replace the emulator's own worker; `called` is told after every call."""
    from ministack.services import lambda_svc

    def execute(record: Record, event: object, request_id: str) -> Record:
        config = record.get("config") or record
        function = function_of(record, sources=sources, shared_code_dirs=shared_code_dirs)
        added = local_variables(function, role=config.get("Role", ""), addresses=addresses)
        outcome = executor.invoke(function, json.dumps(event).encode(), added=added, request_id=request_id)
        called()
        result: Record = {"body": _parse(outcome.payload), "log": outcome.log}
        if outcome.error:
            result |= {"error": True, "function_error": outcome.error}
        return result

    lambda_svc._execute_function_warm = execute
    # Every function logs to its own file; a copy in the emulated CloudWatch would only grow.
    lambda_svc._emit_lambda_logs = lambda *_arguments, **_named: None


def _parse(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
