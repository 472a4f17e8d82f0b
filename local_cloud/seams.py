"""Which emulator our seams were written against, and every name in it that they touch."""

import importlib
import importlib.metadata
from collections.abc import Mapping

from local_cloud.errors import EmulatorVersionError

PINNED = "1.5.33"
TOUCHED: Mapping[str, tuple[str, ...]] = {
    "ministack.app": ("app", "_build_persistence_save_dict", "save_all"),
    "ministack.core.lambda_runtime": ("execution_credentials",),
    "ministack.core.persistence": ("save_state", "_json_default"),
    "ministack.services.apigateway": (
        "_cors_preflight_response",
        "_cors_response_headers",
        "_invoke_lambda_proxy",
        "handle_execute",
    ),
    "ministack.services.cloudwatch": ("_dispatch_alarm_actions",),
    "ministack.services.eventbridge": ("_dispatch_event", "_put_events"),
    "ministack.services.s3": (
        "_fire_s3_event",
        "_get_object",
        "_object_disk_path",
        "_parse_range",
        "_range_error_xml",
        "_read_body",
        "_version_body",
        "_version_disk_path",
        "_xml_body",
    ),
    "ministack.services.lambda_svc": ("_emit_lambda_logs", "_execute_function_warm"),
    "ministack.services.stepfunctions": (
        "_ExecutionError",
        "_nested_execution_failure",
        "_run_distributed_map",
    ),
    "ministack.services.cloudformation": ("_stacks",),
    "ministack.services.cloudformation.provisioners": ("_RESOURCE_HANDLERS", "_physical_name"),
}


def check_emulator() -> None:
    """Raises: EmulatorVersionError when another emulator is installed, or one whose inside has changed."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        installed = "not installed"
    if installed != PINNED:
        raise EmulatorVersionError(
            f"The emulator ministack is {installed}; the local cloud needs exactly {PINNED}, "
            f"because it replaces parts of its inside. Install it: pip install 'ministack=={PINNED}'"
        )


def check_touched() -> None:
    """Raises: EmulatorVersionError naming what the seams expect and the installed emulator does not have."""
    if missing := missing_names(TOUCHED):
        raise EmulatorVersionError(
            f"This ministack {PINNED} lacks what the local cloud replaces ({', '.join(missing)}): "
            "it is not the released package. Reinstall it: "
            f"pip install --force-reinstall 'ministack=={PINNED}'"
        )


def missing_names(touched: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Those of the modules' names that are not there."""
    return [
        f"{module}.{name}"
        for module, names in touched.items()
        for name in names
        if not hasattr(importlib.import_module(module), name)
    ]
