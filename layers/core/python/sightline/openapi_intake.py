"""The webhook address in the OpenAPI document: its function has no web framework to describe it."""

from typing import Any, get_args

PATH = "/v1/webhooks/{platform}/{source_id}"

_EXAMPLES = {
    "datadog": {
        "monitor_id": "7",
        "title": "[Triggered] p99 latency of checkout is high",
        "alert_transition": "Triggered",
        "tags": "service:checkout,env:production",
    },
    "alertmanager": {
        "version": "4",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "DiskFull", "severity": "critical", "instance": "db-1:9100"},
                "annotations": {"summary": "The disk of db-1 is full"},
                "startsAt": "2026-11-20T11:57:30Z",
                "fingerprint": "a1b2c3d4e5f60718",
            }
        ],
    },
    "generic": {"id": "b-17", "title": "Backup of orders failed", "status": "firing", "severity": "critical"},
}


def webhook_path() -> dict[str, Any]:
    """The operations of PATH; what a sender proves itself by is its platform's own (docs/alerts.md)."""
    from sightline.incidents.schemas import Platform

    examples = {name: {"value": value} for name, value in _EXAMPLES.items()}
    taken = {
        "type": "object",
        "title": "Taken",
        "required": ["delivery_id"],
        "properties": {"delivery_id": {"type": "string", "format": "uuid", "title": "Delivery Id"}},
    }
    problems = {str(status): _problem(status) for status in (401, 404, 413, 429, 500, 503)}
    operation = {
        "tags": ["alerts"],
        "summary": "Deliver",
        "description": (
            "What a monitoring tool sends, in its own words and proven by its own scheme: a signature, or"
            " the source's secret in X-Sightline-Secret, as bearer token, basic password or in the address."
            " Kept whole before it is answered, and read afterwards; up to 4 MiB."
        ),
        "operationId": "deliver_v1_webhooks__platform___source_id__post",
        "security": [],
        "parameters": [
            _part("platform", {"type": "string", "enum": list(get_args(Platform))}, "Whose words it is in."),
            _part("source_id", {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"}, "From its address."),
            {
                "name": "X-Sightline-Secret",
                "in": "header",
                "required": False,
                "description": "The source's secret, for platforms that sign nothing.",
                "schema": {"type": "string"},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {}, "examples": examples}, "*/*": {"schema": {}}},
        },
        "responses": {
            "202": {
                "description": "It is on the queue.",
                "content": {"application/json": {"schema": taken}},
            },
            **problems,
        },
    }
    return {"post": operation}


def _part(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _problem(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/Problem{status}"}
