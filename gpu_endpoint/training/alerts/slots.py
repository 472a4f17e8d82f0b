"""What fills each slot of a template, and what kind of entity that is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gpu_endpoint.training.alerts import names, numbers
from gpu_endpoint.training.alerts.values import Vocabulary

LABELS = {
    "service": ("service",),
    "host": ("host", "ip", "instance_port", "fqdn"),
    "environment": ("env",),
    "region": ("region", "awsregion", "gcpregion", "azregion"),
    "error_code": ("cve",),
    "threshold": ("pct", "ms", "bytes", "count", "rate", "money", "num", "ratio", "val"),
    "duration": ("dur",),
    "resource": (
        *("disk", "queue", "topic", "table", "db", "bucket", "pod", "volume", "url", "path", "instance"),
        *("job", "repo", "iface"),
    ),
    "team": ("team", "teamtag"),
    "person": ("person",),
}
"""Slots that are entities; those named err_*, m_*, arn_* and res_* are too, and all others are not."""
LABEL_OF = {slot: label for label, slots in LABELS.items() for slot in slots} | {"err_ok": None}
LABEL_OF_PREFIX = {"err": "error_code", "m": "metric", "arn": "resource", "res": "resource"}

CLOSED = {
    "m_cap": "capacity_metrics",
    "m_lat": "latency_metrics",
    "m_err": "error_metrics",
    "m_net": "network_metrics",
    "m_db": "database_metrics",
    "m_q": "queue_metrics",
    "m_cost": "cost_metrics",
    "m_data": "data_metrics",
    "m_dd_cap": "datadog_capacity",
    "m_dd_lat": "datadog_latency",
    "m_dd_err": "datadog_errors",
    "m_dd_db": "datadog_database",
    "m_prom_cap": "prom_capacity",
    "m_prom_lat": "prom_latency",
    "m_prom_err": "prom_errors",
    "m_prom_q": "prom_queues",
    "m_aws_cap": "aws_capacity",
    "m_aws_lat": "aws_latency",
    "m_aws_err": "aws_errors",
    "m_aws_q": "aws_queues",
    "m_aws_db": "aws_database",
    "err_app": "app_errors",
    "err_mem": "memory_errors",
    "err_net": "network_errors",
    "err_db": "database_errors",
    "err_k8s": "k8s_errors",
    "err_auth": "auth_errors",
    "err_thr": "throttles",
    "err_build": "build_errors",
    "err_data": "data_errors",
    "gcpregion": "gcp_regions",
    "azregion": "azure_regions",
    "branch": "branches",
}
MEASURED = {
    "pct": numbers.percent,
    "ms": numbers.latency,
    "bytes": numbers.size,
    "count": numbers.count,
    "rate": numbers.rate,
    "money": numbers.money,
    "num": numbers.plain,
    "ratio": numbers.ratio,
    "val": numbers.plain,
    "dur": numbers.duration,
    "err_http": numbers.http_code,
    "err_exit": numbers.exit_code,
    "ip": numbers.address,
    "version": numbers.version,
    "date": numbers.date,
}


def label_of(slot: str) -> str | None:
    """The entity that a slot's value is, if any."""
    return LABEL_OF[slot] if slot in LABEL_OF else LABEL_OF_PREFIX.get(slot.partition("_")[0])


def drawers(v: Vocabulary) -> dict[str, Callable[[], str]]:
    """How each slot is filled."""
    table = {slot: partial(from_list, v, slot, listed) for slot, listed in CLOSED.items()}
    table |= {slot: partial(draw, v.rng) for slot, draw in MEASURED.items()}
    return table | named(v) | resources(v) | plain(v)


def from_list(v: Vocabulary, slot: str, listed: str) -> str:
    """From a list; metrics and errors are as often made up."""
    if slot.startswith("m_") and v.rng.random() < v.made_up:
        return names.metric(v.rng, slot.rpartition("_")[2])
    if slot in ("err_app", "err_data", "err_build") and v.rng.random() < v.made_up:
        return names.error(v.rng, kept=v.kept)
    return v.known(listed)


def named(v: Vocabulary) -> dict[str, Callable[[], str]]:
    """Services, machines, places, people."""
    return {
        "service": v.service,
        "host": v.host,
        "region": v.region,
        "awsregion": v.aws_region,
        "person": v.person,
        "team": v.team,
        "teamtag": lambda: f"{v.word('teams')}-oncall",
        "table": v.table,
        "db": v.database,
        "url": v.url,
        "fqdn": v.domain,
        "alertname": v.alert_name,
        "env": partial(names.environment, v.rng),
        "message": partial(v.pick, "messages"),
        "func": partial(v.pick, "functions"),
        "instance_port": lambda: (
            f"{v.host()}:{v.one_of('9090', '9100', '8080', '443', '5432', '9187', '3000')}"
        ),
        "err_cap": partial(
            v.one_of, "InsufficientInstanceCapacity", "VcpuLimitExceeded", "InsufficientFreeAddressesInSubnet"
        ),
        "err_cfn": partial(
            v.one_of, "UPDATE_ROLLBACK_FAILED", "CREATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED"
        ),
        "err_ok": partial(v.one_of, "HTTP 200 - OK", "200 OK"),
    }


def resources(v: Vocabulary) -> dict[str, Callable[[], str]]:
    """What services use: disks, queues, buckets, pods, jobs."""
    rng, ways, hexa = v.rng, v.one_of, partial(numbers.hexadecimal, v.rng)
    thing, name = partial(v.word, "things"), partial(v.word, "services")
    return {
        "disk": lambda: ways(
            *("/", "/var", "/var/log", "/data", "/home", "C:", "D:", "/dev/sda1", "/dev/nvme0n1p1"),
            *(f"/mnt/{thing()}", "/tmp", f"/var/lib/{name()}", "/dev/xvdf"),  # noqa: S108 - a name in a text
        ),
        "queue": lambda: ways(
            *(f"{thing()}-queue", f"{name()}-dlq", f"{thing()}.dead", f"{name()}-jobs", f"{thing()}_queue"),
            *(f"q.{thing()}", f"{name()}-{thing()}.fifo"),
        ),
        "topic": lambda: ways(
            f"{thing()}-events",
            f"{name()}.{thing()}",
            f"{thing()}_v1",
            f"topic-{thing()}",
            f"{thing()}.created",
        ),
        "bucket": lambda: ways(
            f"s3://{name()}-{thing()}",
            f"gs://{thing()}-archive",
            f"{name()}-backups",
            f"s3://backups/{thing()}/2026",
        ),
        "pod": lambda: ways(
            f"{name()}-{hexa(9)}-{hexa(5)}",
            f"{name()}-{rng.randint(0, 9)}",
            f"pod/{name()}-{hexa(8)}-{hexa(5)}",
        ),
        "volume": lambda: ways(f"vol-{hexa(17)}", f"vol-{hexa(8)}", f"pvc-{hexa(8)}", f"{thing()}-data"),
        "path": lambda: ways(
            f"/app/{name()}/{thing()}.py",
            f"src/{thing()}/index.ts",
            f"{thing()}.js:{rng.randint(1, 900)}",
            f"com/acme/{thing().capitalize()}.java",
            f"/usr/lib/{name()}/main.go",
        ),
        "instance": lambda: f"i-{hexa(rng.choice([8, 17]))}",
        "job": lambda: ways(
            *(f"nightly-{thing()}", f"{thing()}-export", f"{name()}-etl", f"{thing()}_daily_load"),
            *(f"build-{name()}", f"sync-{thing()}", f"dag_{thing()}", f"{name()}-ci"),
        ),
        "repo": lambda: f"{rng.choice(['acme', 'example', 'platform', 'infra', 'shop-inc'])}/{name()}",
        "iface": lambda: ways(
            *("eth0", "eth1", "ens192", "bond0", f"GigabitEthernet0/{rng.randint(0, 48)}"),
            *(f"xe-0/0/{rng.randint(0, 9)}", "wan1", f"Te1/1/{rng.randint(1, 4)}"),
        ),
        "res_vpn": lambda: f"vpn-{hexa(8)}",
        "res_lb": lambda: ways(f"app/{name()}-alb/{hexa(16)}", f"{name()}-nlb", f"{name()}-elb"),
        "res_stack": lambda: f"{name()}-{rng.choice(['stack', 'prod-stack', 'infra'])}",
        "res_gcp": lambda: f"{name()}-{rng.randint(100000, 999999)}",
        "arn_alarm": partial(v.arn, "cloudwatch"),
        "arn_lambda": partial(v.arn, "lambda"),
        "arn_role": partial(v.arn, "iam"),
        "arn_sqs": partial(v.arn, "sqs"),
    }


def plain(v: Vocabulary) -> dict[str, Callable[[], str]]:
    """What is no entity."""
    rng = v.rng
    return {
        "cve": lambda: f"CVE-20{rng.randint(15, 26)}-{rng.randint(1000, 49999)}",
        "tool": partial(v.pick, "tools"),
        "ticket": lambda: (
            v.one_of("INC", "OPS-", "SUP-", "CASE-", "TKT", "#", "PRB") + str(rng.randint(100, 9999999))
        ),
        "id": lambda: str(rng.randint(10, 9999999)),
        "n": lambda: str(rng.randint(1, 9)),
        "port": lambda: rng.choice(["443", "22", "5432", "8080"]),
        "sha": lambda: numbers.hexadecimal(rng, 7),
        "link": lambda: (
            f"https://{rng.choice(['app.example.com', 'grafana.example.net'])}"
            f"/{rng.choice(['monitors', 'd', 'alerts'])}/{rng.randint(1, 99999999)}"
            f"?from={rng.getrandbits(40)}"
        ),
    }
