"""A Lambda runtime in pure Python, for platforms without an awslambdaric wheel (it has them for Linux only).

`python -m local_cloud.runtime_client module.attribute` does what `python -m awslambdaric` does.
"""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PREFIX = "/2018-06-01/runtime"
Handler = Callable[[Any, "Context"], Any]


@dataclass(frozen=True)
class Context:
    """The second argument of every handler.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version: str = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
    memory_limit_in_mb: str = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    log_group_name: str = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
    log_stream_name: str = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the call is cut off."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def main(handler_name: str) -> int:
    """Serve invocations until the Runtime API goes away."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = _load(handler_name)
    except BaseException as error:  # noqa: BLE001 - whatever a module raises while it is imported
        _post(connection, f"{PREFIX}/init/error", _describe(error))
        return 1
    while True:
        connection.request("GET", f"{PREFIX}/invocation/next")
        try:
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            return 0
        _serve(connection, handler, response.headers, response.read())


def _load(handler_name: str) -> Handler:
    module, _, attribute = handler_name.replace("/", ".").rpartition(".")
    loaded: Handler = getattr(importlib.import_module(module), attribute)
    return loaded


def _serve(
    connection: http.client.HTTPConnection, handler: Handler, headers: http.client.HTTPMessage, event: bytes
) -> None:
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
    context = Context(
        aws_request_id=request_id,
        invoked_function_arn=headers["Lambda-Runtime-Invoked-Function-Arn"],
        deadline_ms=int(headers["Lambda-Runtime-Deadline-Ms"]),
    )
    try:
        payload = json.dumps(handler(json.loads(event), context)).encode()
    except Exception as error:  # noqa: BLE001 - every failure of the function is its answer
        traceback.print_exc()
        _post(connection, f"{PREFIX}/invocation/{request_id}/error", _describe(error))
    else:
        _post(connection, f"{PREFIX}/invocation/{request_id}/response", payload)


def _describe(error: BaseException) -> bytes:
    described = {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
    return json.dumps(described).encode()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    connection.getresponse().read()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
