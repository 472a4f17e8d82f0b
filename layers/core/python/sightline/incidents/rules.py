"""What holds for alerts, without a database: words that judge them, names of deliveries, senders' ways."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sightline.errors import ValidationError
from sightline.incidents.schemas import Category, NewAlert, Platform, Scheme, Severity, Team

RULE = "rule"
SENDER = "sender"
RULE_CONFIDENCE = 0.5
"""A word was found that usually means this."""
GUESS_CONFIDENCE = 0.2
"""No word was found: the commonest label."""

SCHEMES: Mapping[Platform, Scheme] = {
    "sentry": "sentry",
    "pagerduty": "pagerduty",
    "github": "github",
    "grafana": "grafana",
    "cloudwatch": "sns",
    "generic": "standard",
}
"""How a platform proves itself where the source does not say; the others sign nothing."""
THEIRS: frozenset[Scheme] = frozenset({"sentry", "pagerduty"})
"""Senders that choose the secret themselves, PagerDuty once it has the address: until then all is refused."""

SENDER_KEYS = ("x-github-delivery", "request-id", "webhook-id", "x-amz-sns-message-id", "x-webhook-id")
"""Headers by which senders name a delivery; a second attempt has the same."""

SETUP: Mapping[Platform, str] = {
    "alertmanager": "receivers: webhook_configs: url, and http_config: authorization: credentials: <secret>.",
    "cloudwatch": "Subscribe the address to the alarm's SNS topic (HTTPS, raw delivery off).",
    "datadog": 'Integrations, Webhooks, New: the URL, and Custom Headers {"X-Sightline-Secret": "<secret>"}.',
    "generic": "Send JSON to the address, signed by Standard Webhooks with the secret.",
    "github": "Settings, Webhooks: Payload URL, content type application/json, Secret.",
    "grafana": "Alerting, Contact points, Webhook: URL, and HMAC signature: Secret.",
    "newrelic": "Alerts, Destinations, Webhook: endpoint URL, and bearer token <secret>.",
    "opsgenie": "Integrations, Webhook: URL, and a custom header X-Sightline-Secret with the secret.",
    "pagerduty": "Integrations, Generic Webhooks (v3): URL; it shows its secret when that is saved.",
    "sentry": "Settings, Custom Integrations: Webhook URL; the secret is the integration's Client Secret.",
    "uptimerobot": "My Settings, Alert contacts, Webhook: the address followed by ?secret=<secret>.",
}
SETUP_UNSIGNED = "Send to the address; nothing proves who does, so keep it to yourself."

# The first that is found decides: from the gravest down.
_SEVERITY_WORDS: Sequence[tuple[Severity, str]] = (
    ("critical", r"critical|outage|\bdown\b|unreachable|fatal|data loss|emergency|\bsev-?1\b"),
    ("high", r"error|fail(ed|ure|ing)|exception|crash|unavailable|timed? ?out|refused|\b5\d\d\b|exceeded"),
    ("medium", r"warn|slow|latency|degraded|high|above|over|low (disk|memory)|retry|lag"),
    ("info", r"recovered|resolved|completed|started|info|notice|installed"),
)
_CATEGORY_WORDS: Sequence[tuple[Category, str]] = (
    (
        "security",
        r"unauthori[sz]ed|intrusion|vulnerab|cve-\d|certificate|\btls\b|login|injection|secret|permission",
    ),
    ("deployment", r"deploy|rollout|release|pipeline|build|workflow|\bcheck\b|migration"),
    ("database", r"database|postgres|mysql|mongo|redis|replica|deadlock|\bsql\b|\brds\b|aurora|\bquery\b"),
    ("queue", r"queue|kafka|consumer|backlog|\bsqs\b|rabbit|\blag\b|dead.?letter"),
    ("network", r"network|\bdns\b|packet|connection|unreachable|gateway|\bvpn\b|bandwidth|ping"),
    (
        "capacity",
        r"cpu|memory|disk|\boom\b|storage|quota|saturat|throttl|inode|file descriptor|volume|battery",
    ),
    ("latency", r"latency|slow|response time|p9\d|duration|apdex|timed? ?out"),
    ("cost", r"\bcosts?\b|budget|billing|spend"),
    ("data", r"data quality|schema|freshness|null values|missing rows|stale"),
    ("availability", r"\bdown\b|unavailable|outage|health ?check|uptime|probe|not ready|crashloop|dead"),
    ("errors", r"error|exception|fail|\b5\d\d\b|crash|panic"),
)

TEAMS: Mapping[Category, Team] = {
    "availability": "platform", "latency": "application", "errors": "application", "capacity": "platform",
    "network": "network", "database": "database", "queue": "platform", "security": "security",
    "deployment": "release", "data": "data", "cost": "finops", "other": "platform",
}  # fmt: skip
"""Who usually looks after what."""


def severity_of(text: str) -> tuple[Severity, float]:
    """By its words, and how sure that is."""
    found = _first(_SEVERITY_WORDS, text)
    return (found, RULE_CONFIDENCE) if found else ("medium", GUESS_CONFIDENCE)


def category_of(text: str) -> tuple[Category, float]:
    """By its words, and how sure that is."""
    found = _first(_CATEGORY_WORDS, text)
    return (found, RULE_CONFIDENCE) if found else ("other", GUESS_CONFIDENCE)


def _first(words: Sequence[tuple[Any, str]], text: str) -> Any:
    lowered = text.casefold()
    return next((label for label, pattern in words if re.search(pattern, lowered)), None)


def fingerprint(alert: NewAlert) -> str:
    """Of what an alert says: two with the same are one, whatever their sender calls them."""
    said = [alert.title, alert.description, alert.service, alert.host, alert.environment, alert.region]
    return hashlib.sha256(json.dumps([*said, sorted(alert.tags.items())]).encode()).hexdigest()


def sender_key(headers: Mapping[str, str]) -> str | None:
    """The sender's own name for a delivery."""
    return next((headers[name][:200] for name in SENDER_KEYS if headers.get(name)), None)


def may_claim(origin: str, *, workspace_id: str, allowed: str) -> bool:
    """Whether the stage lets a workspace have the events of an origin: `origin` or `origin@workspace`."""
    entries = (entry.strip().partition("@") for entry in allowed.split(","))
    return any(name == origin and owner in ("", workspace_id) for name, _, owner in entries)


def invalid(field: str, message: str) -> ValidationError:
    """One field that is wrong."""
    return ValidationError(errors=[{"field": field, "message": message}])
