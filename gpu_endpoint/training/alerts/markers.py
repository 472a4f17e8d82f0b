"""How vendors write a severity, and the labels that stand beside an alert."""

from __future__ import annotations

import random

MARKERS: dict[str, dict[str, tuple[str, ...]]] = {
    "P": {
        "critical": ("P1", "P1", "P0"),
        "high": ("P2",),
        "medium": ("P3",),
        "low": ("P4",),
        "info": ("P5",),
    },
    "SEV": {
        "critical": ("SEV1", "sev-1", "SEV-0", "Sev 1", "S1"),
        "high": ("SEV2", "sev-2", "SEV-2", "S2"),
        "medium": ("SEV3", "sev-3", "S3"),
        "low": ("SEV4", "sev-4"),
        "info": ("SEV5",),
    },
    "word": {
        "critical": ("critical", "Critical", "CRITICAL", "emergency"),
        "high": ("high", "High", "major", "HIGH", "severe"),
        "medium": ("medium", "warning", "Warning", "WARN", "moderate"),
        "low": ("low", "minor", "Low", "LOW"),
        "info": ("info", "informational", "notice"),
    },
    "level": {
        "critical": ("fatal", "critical"),
        "high": ("error",),
        "medium": ("warning",),
        "info": ("info", "debug"),
    },
    "levelcap": {
        "critical": ("FATAL",),
        "high": ("ERROR",),
        "medium": ("WARNING", "WARN"),
        "info": ("INFO",),
    },
    "prom": {
        "critical": ("critical", "page", "critical"),
        "high": ("high", "error", "major"),
        "medium": ("warning", "warning", "warn"),
        "low": ("low", "minor", "ticket"),
        "info": ("info", "none"),
    },
    "promcaps": {
        "critical": ("CRITICAL",),
        "high": ("HIGH", "ERROR"),
        "medium": ("WARNING",),
        "low": ("LOW",),
        "info": ("INFO",),
    },
    "pd": {"critical": ("critical",), "high": ("error",), "medium": ("warning",), "info": ("info",)},
    "urgency": {"high": ("high",), "low": ("low",)},
    "nagios": {"critical": ("CRITICAL", "CRIT"), "medium": ("WARNING", "WARN")},
    "zabbix": {
        "critical": ("Disaster",),
        "high": ("High",),
        "medium": ("Average", "Warning"),
        "low": ("Not classified",),
        "info": ("Information",),
    },
    "azure": {
        "critical": ("Sev0",),
        "high": ("Sev1",),
        "medium": ("Sev2",),
        "low": ("Sev3",),
        "info": ("Sev4",),
    },
    "nrql": {
        "critical": ("CRITICAL", "critical"),
        "high": ("HIGH", "high"),
        "medium": ("WARNING", "WARN", "medium"),
        "low": ("LOW", "low"),
        "info": ("INFO",),
    },
    "label": {
        "critical": ("priority: critical", "critical-bug"),
        "high": ("severity/high", "priority: high"),
        "medium": ("priority: medium", "sev-medium"),
        "low": ("low-priority", "priority: low"),
        "info": ("question", "info"),
    },
}

KEYS: dict[str, tuple[str, ...]] = {
    "service": (
        "service",
        "app",
        "job",
        "deployment",
        "container",
        "service_name",
        "application",
        "component",
        "Service",
        "project",
        "kube_service",
        "app.kubernetes.io/name",
    ),
    "host": (
        "host",
        "instance",
        "node",
        "hostname",
        "server",
        "server_name",
        "host.name",
        "Host",
        "kubernetes_node",
        "target",
    ),
    "env": ("env", "environment", "stage", "Environment", "tier"),
    "region": ("region", "aws_region", "zone", "location", "availability-zone", "Region", "dc"),
    "team": ("team", "owner", "squad", "responsible", "Team", "notify"),
    "person": ("owner", "assignee", "assigned_to", "user", "acknowledged_by"),
    "pod": ("pod", "pod_name", "kube_pod"),
    "bucket": ("bucket", "s3_bucket"),
    "disk": ("mountpoint", "device", "path"),
    "instance": ("instance_id", "InstanceId", "resource_id"),
    "db": ("cluster", "database", "DBInstanceIdentifier", "dbname", "kube_cluster_name"),
    "queue": ("queue", "QueueName"),
    "m_prom_cap": ("metric", "__name__", "MetricName"),
    "m_cap": ("metric", "check", "metric_name"),
    "pct": ("threshold", "value", "current_value"),
    "dur": ("for", "duration", "window"),
    "version": ("version", "release", "image_tag"),
    "id": ("monitor_id", "alert_id", "rule", "group_id", "orgId"),
    "alertname": ("alertname", "rule_name", "monitor"),
    "link": ("runbook_url", "dashboard", "generatorURL"),
}
KEPT_KEYS: dict[str, tuple[str, ...]] = {
    "service": ("app_name", "workload"),
    "host": ("machine", "fqdn"),
    "env": ("deploy_env", "landscape"),
    "region": ("datacenter", "site"),
    "team": ("crew", "group_owner"),
    "person": ("contact", "responder"),
    "pct": ("limit", "observed"),
    "dur": ("period", "since"),
    "pod": ("kubernetes.pod",),
    "db": ("database_name",),
}
"""Never seen in training."""

COMMON = ("service", "host", "env", "region", "team")


def marker(rng: random.Random, style: str, severity: str) -> str:
    """The vendor's word for it."""
    return rng.choice(MARKERS[style][severity])


def tag_slots(rng: random.Random, *, kept: bool) -> list[tuple[str, str]]:
    """Some (key, slot) pairs as an alert carries them."""
    chosen = [slot for slot in COMMON if rng.random() < 0.45]
    chosen += rng.sample([slot for slot in KEYS if slot not in COMMON], rng.randint(0, 3))
    rng.shuffle(chosen)
    pairs = []
    for slot in chosen or ["service", "host"]:
        keys = KEPT_KEYS[slot] if kept and slot in KEPT_KEYS and rng.random() < 0.4 else KEYS[slot]
        pairs.append((rng.choice(keys), slot))
    return pairs
