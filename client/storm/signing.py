"""A delivery as its sender sends it: the bytes, and headers that prove who it is, made when it is sent."""

import hashlib
import hmac
import json

from client.storm.shapes import StormAlert


def signed(alert: StormAlert, secret: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers, by the vendor's own scheme."""
    body = json.dumps(alert.payload, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **alert.headers}
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    match alert.vendor:
        case "sentry":
            headers["Sentry-Hook-Signature"] = digest
        case "grafana":
            headers["X-Grafana-Alerting-Signature"] = digest
        case "pagerduty":
            headers["X-PagerDuty-Signature"] = f"v1={digest}"
        case "alertmanager":
            headers["Authorization"] = f"Bearer {secret}"
        case "datadog":
            headers["X-Sightline-Secret"] = secret
    return body, headers
