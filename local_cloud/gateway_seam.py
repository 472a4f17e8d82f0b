"""API Gateway in the emulator: its real limits, and CORS settings read the way CloudFormation writes them."""

import asyncio
import json
from typing import Any

API_PAYLOAD_BYTES = (
    10 * 2**20
)  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
API_TIMEOUT_S = 30.0
Response = tuple[int, dict[str, str], bytes]


def install(*, timeout_s: float) -> None:
    """Put our limits around the emulator's HTTP API."""
    from ministack.services import apigateway

    execute, invoke = apigateway.handle_execute, apigateway._invoke_lambda_proxy
    preflight, headers_of = apigateway._cors_preflight_response, apigateway._cors_response_headers

    async def limited_execute(
        api_id: str, stage: str, path: str, method: str, headers: Any, body: bytes, *rest: Any, **named: Any
    ) -> Any:
        if len(body or b"") > API_PAYLOAD_BYTES:
            return _answer(413, "Request Entity Too Large")
        return await execute(api_id, stage, path, method, headers, body, *rest, **named)

    async def timed_invoke(*arguments: Any, **named: Any) -> Any:
        try:
            return await asyncio.wait_for(invoke(*arguments, **named), timeout_s)
        except TimeoutError:
            return _answer(503, "Service Unavailable")

    apigateway.handle_execute = limited_execute
    apigateway._invoke_lambda_proxy = timed_invoke
    apigateway._cors_preflight_response = lambda cors, origin: preflight(_lower_camel(cors), origin)
    apigateway._cors_response_headers = lambda cors, origin: headers_of(_lower_camel(cors), origin)


def _answer(status: int, message: str) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": message}).encode()


def _lower_camel(settings: dict[str, Any] | None) -> dict[str, Any]:
    """CloudFormation gives AllowOrigins, the emulator reads allowOrigins."""
    return {name[:1].lower() + name[1:]: value for name, value in (settings or {}).items()}
