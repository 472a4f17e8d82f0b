"""What each tool's webhook sends, in the shape and with the habits of its real deliveries."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from client.storm.shapes import Monitor, Told, Vendor

PRIORITY = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: has not ended."""
EXPORTERS = {True: "node-exporter", False: "kubernetes-pods"}
"""Prometheus's `job` is what is scraped, which is not always the service."""
Payload = dict[str, Any]


def number_of(text: str, digits: int = 10) -> str:
    """A name as the number that a tool would give it."""
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[:digits]


def datadog(told: Told, began: datetime) -> Payload:
    """The webhooks integration's variables, as Keep's integration configures them."""
    monitor, at = told.monitor, began + timedelta(seconds=told.at_s)
    scopes = [f"service:{monitor.service}"] if monitor.service else []
    scopes += [f"host:{host}" for host in monitor.hosts]
    transition = {"fires": "Triggered", "again": "Re-Triggered", "recovers": "Recovered"}[told.state]
    on = f" on {{{','.join(scopes)}}}" if scopes else ""
    event = number_of(f"{monitor.name} {told.at_s}", 19)
    stamp = str(int(at.timestamp() * 1000))
    return {
        "body": f"%%%\n{monitor.description}\n\n@webhook-sightline\n\nThe monitor was last triggered at "
        f"{began + timedelta(seconds=told.since_s):%a %b %d %Y %H:%M:%S} UTC.\n\n- - -\n%%%",
        "last_updated": stamp,
        "event_type": "query_alert_monitor",
        "title": f"[{transition}{on}] {monitor.title}",
        "severity": PRIORITY[monitor.severity],
        "alert_type": "success" if told.state == "recovers" else "error",
        "alert_query": "",
        "alert_transition": transition,
        "date": stamp,
        "scopes": ",".join(scopes),
        "org": {"id": "271828", "name": "Shop"},
        "url": f"https://app.datadoghq.eu/event/event?id={event}",
        "tags": ",".join(["monitor", f"env:{monitor.environment}", f"region:{monitor.region}", *scopes]),
        "id": event,
        "monitor_id": number_of(monitor.name, 9),
    }


def sentry(told: Told, began: datetime) -> Payload:
    """An issue of the integration platform when it begins and ends, an event alert in between.

    An issue names its project and no environment; an event the other way round.
    """
    at = _iso(began + timedelta(seconds=told.at_s))
    about = _event(told, at) if told.state == "again" else _issue(told, at)
    action = {"fires": "created", "again": "triggered", "recovers": "resolved"}[told.state]
    app = {"uuid": "64bf2cf4-37ca-4365-8dd3-6b6e56d741b8", "slug": "sightline"}
    installation = {
        "app": app,
        "organization": {"slug": "shop"},
        "uuid": "7a485448-a9e2-4c85-8a3c-4f44175783c9",
    }
    return {"action": action, "data": about, "installation": installation}


def _issue(told: Told, at: str) -> Payload:
    monitor, kind = told.monitor, told.monitor.title.partition(":")[0]
    return {
        "issue": {
            "id": number_of(monitor.name),
            "shortId": f"{(monitor.service or 'ops').upper()}-{number_of(monitor.name, 3)}",
            "title": monitor.title,
            "culprit": f"{monitor.service}.views in handle",
            "level": _level(monitor),
            "status": "resolved" if told.state == "recovers" else "unresolved",
            "statusDetails": {},
            "platform": "python",
            "project": {
                "id": number_of(monitor.service or "ops", 6),
                "name": monitor.service or "ops",
                "slug": monitor.service or "ops",
                "platform": "python",
            },
            "type": "error",
            "metadata": {"value": monitor.description, "type": kind, "function": "handle"},
            "count": "1",
            "userCount": 1,
            "firstSeen": at,
            "lastSeen": at,
        }
    }


def _event(told: Told, at: str) -> Payload:
    monitor = told.monitor
    tags = [["environment", monitor.environment], ["level", _level(monitor)]]
    tags += [["server_name", host] for host in monitor.hosts]
    return {
        "event": {
            "event_id": hashlib.sha256(f"{monitor.name} {at}".encode()).hexdigest()[:32],
            "platform": "python",
            "datetime": at,
            "culprit": f"{monitor.service}.views in handle",
            "level": _level(monitor),
            "metadata": {"value": monitor.description, "type": monitor.title.partition(":")[0]},
            "title": monitor.title,
            "issue_id": number_of(monitor.name),
            "environment": monitor.environment,
            "project": int(number_of(monitor.service or "ops", 6)),
            "web_url": f"https://sentry.io/organizations/shop/issues/{number_of(monitor.name)}/",
            "tags": tags,
        },
        "triggered_rule": "Many events",
    }


def _level(monitor: Monitor) -> str:
    return {"critical": "fatal", "high": "error", "medium": "warning", "low": "info"}[monitor.severity]


def alertmanager(told: Told, began: datetime) -> Payload:
    """Version 4; one alert for each host of the rule, in one group."""
    monitor = told.monitor
    alerts = [_prometheus(told, began, host) for host in monitor.hosts or (None,)]
    first = alerts[0]["labels"]
    common = {
        name: first[name] for name in first if all(one["labels"].get(name) == first[name] for one in alerts)
    }
    group = {"alertname": monitor.title}
    return {
        "receiver": "sightline",
        "status": alerts[0]["status"],
        "alerts": alerts,
        "groupLabels": group,
        "commonLabels": common,
        "commonAnnotations": alerts[0]["annotations"],
        "externalURL": "http://alertmanager.monitoring:9093",
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{monitor.title}"}}',
        "truncatedAlerts": 0,
    }


def _prometheus(told: Told, began: datetime, host: str | None) -> Payload:
    """One alert; severity as rules have it."""
    monitor = told.monitor
    ended = told.state == "recovers"
    labels = {
        "alertname": monitor.title,
        "severity": "critical" if monitor.severity == "critical" else "warning",
        "env": monitor.environment,
        "region": monitor.region,
        "job": monitor.service or EXPORTERS[host is not None],
    }
    labels |= {"instance": f"{host}:9100"} if host else {}
    named = [monitor.name, host or ""]
    return {
        "status": "resolved" if ended else "firing",
        "labels": labels,
        "annotations": {"summary": monitor.title, "description": monitor.description},
        "startsAt": _iso(began + timedelta(seconds=told.since_s)),
        "endsAt": _iso(began + timedelta(seconds=told.at_s)) if ended else NEVER,
        "generatorURL": f"http://prometheus:9090/graph?g0.expr={number_of(monitor.title, 6)}",
        "fingerprint": hashlib.sha256(" ".join(named).encode()).hexdigest()[:16],
    }


def grafana(told: Told, began: datetime) -> Payload:
    """Unified alerting: Alertmanager's payload with a title, a message and links to panels."""
    payload = alertmanager(told, began)
    for alert in payload["alerts"]:
        labels = alert["labels"]
        if told.monitor.service:
            labels["service"] = labels.pop("job")
        alert |= {
            "values": {"B": 1},
            "silenceURL": "https://grafana.shop.internal/alerting/silence/new",
            "dashboardURL": "https://grafana.shop.internal/d/overview",
            "panelURL": "https://grafana.shop.internal/d/overview?viewPanel=2",
        }
    state = payload["status"]
    title = f"[{state.upper()}:{len(payload['alerts'])}] {told.monitor.title}"
    return payload | {"version": "1", "orgId": 1, "title": title, "state": state, "message": title}


def pagerduty(told: Told, began: datetime) -> Payload:
    """A v3 incident of a service: a new one each time, and somebody acknowledges it."""
    monitor, at = told.monitor, _iso(began + timedelta(seconds=told.at_s))
    name = "P" + number_of(f"{monitor.name} {told.since_s}", 6)
    status = {"fires": "triggered", "again": "acknowledged", "recovers": "resolved"}[told.state]
    owner = {"summary": monitor.service or "On-call", "id": "PS" + number_of(monitor.service or "", 5)}
    return {
        "event": {
            "id": "01" + number_of(f"{monitor.name} {at}", 24),
            "event_type": f"incident.{status}",
            "resource_type": "incident",
            "occurred_at": at,
            "agent": None,
            "client": None,
            "data": {
                "id": name,
                "type": "incident",
                "html_url": f"https://shop.pagerduty.com/incidents/{name}",
                "number": int(number_of(monitor.name, 5)),
                "status": status,
                "title": monitor.title,
                "service": {**owner, "type": "service_reference"},
                "priority": {"summary": PRIORITY[monitor.severity], "type": "priority_reference"},
                "urgency": "low" if monitor.severity == "low" else "high",
                "body": {"details": monitor.description},
                "teams": [],
            },
        }
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


PAYLOADS: Mapping[Vendor, Callable[[Told, datetime], Payload]] = {
    "datadog": datadog,
    "sentry": sentry,
    "alertmanager": alertmanager,
    "grafana": grafana,
    "pagerduty": pagerduty,
}
