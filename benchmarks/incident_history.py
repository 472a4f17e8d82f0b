"""A workspace with a past: thousands of alerts in hundreds of incidents, written straight into Postgres."""

from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from sightline.database import Connection, transaction

ALERTS_AN_INCIDENT = 10
SERVICES = 120

# One incident every three minutes until an hour ago; the last tenth of them still goes on.
INCIDENTS = """
    INSERT INTO incident (workspace_id, number, title, status, severity, services, environment, opened_at,
        resolved_at, resolved_by, first_alert_at, last_alert_at, alert_count, firing_count, reached, vector,
        version, told_version)
    SELECT %(workspace)s, n, format('p99 of service-%%s is high', n %% %(services)s),
        CASE WHEN going THEN 'open' ELSE 'resolved' END,
        (ARRAY['critical', 'high', 'medium', 'low'])[1 + n %% 4],
        ARRAY[format('service-%%s', n %% %(services)s)], 'production', began,
        CASE WHEN NOT going THEN began + interval '20 min' END, CASE WHEN NOT going THEN 'system' END,
        began, began + interval '9 min', %(each)s, CASE WHEN going THEN %(each)s ELSE 0 END, 10,
        (SELECT array_agg(random() - 0.5)::real[]::vector::halfvec(384)
         FROM generate_series(1, 384) WHERE n > 0), 2, 2
    FROM (SELECT n, n > %(incidents)s * 0.9 AS going,
            now() - interval '1 hour' - (%(incidents)s - n) * interval '3 min' AS began
          FROM generate_series(1, %(incidents)s) n) AS past
"""
ALERTS = """
    INSERT INTO alert (workspace_id, source_id, platform, trust, external_id, fingerprint, status, title,
        description, severity, severity_by, category, category_by, team, team_by, entities, degraded, service,
        host, environment, tags, first_delivery_id, last_delivery_id, occurred_at, received_at,
        last_occurred_at, recovered_at, incident_id, family_id, joined_because, vector)
    SELECT i.workspace_id, %(source)s, 'datadog', 'shared_secret', format('past-%%s-%%s', i.number, n),
        md5(format('%%s-%%s', i.number, n)), CASE WHEN i.status = 'open' THEN 'firing' ELSE 'recovered' END,
        i.title, 'measured over five minutes', i.severity, 'sender', 'latency', 'rule', 'application', 'rule',
        '[]', false, i.services[1], format('host-%%s-%%s', i.number %% %(services)s, n), 'production',
        jsonb_build_object('service', i.services[1]), gen_random_uuid(), gen_random_uuid(), at, at, at,
        CASE WHEN i.status = 'resolved' THEN i.resolved_at END, i.id, i.id,
        jsonb_build_object('score', 1, 'because', jsonb_build_array('service ' || i.services[1])), i.vector
    FROM incident i CROSS JOIN LATERAL (
        SELECT n, i.first_alert_at + n * interval '50 s' AS at FROM generate_series(1, %(each)s) n) AS told
"""
KEYS = """
    INSERT INTO alert_key (workspace_id, key, occurred_at, alert_id)
    SELECT workspace_id, key, occurred_at, id FROM alert, LATERAL (VALUES
        ('production/'), ('production/service:' || service), ('production/host:' || host)) AS named (key)
"""
EVENTS = """
    INSERT INTO incident_event (workspace_id, incident_id, version, at, actor, kind)
    SELECT workspace_id, id, 1, opened_at, 'system', 'opened' FROM incident
"""


def fill(workspace_id: str, *, alerts: int) -> None:
    """So many alerts, ten to an incident, into a workspace that has none."""
    values = {
        "workspace": workspace_id,
        "source": f"past-{uuid4().hex}",
        "incidents": alerts // ALERTS_AN_INCIDENT,
        "each": ALERTS_AN_INCIDENT,
        "services": SERVICES,
    }
    with transaction(workspace_id) as conn:
        _add_source(conn, values)
        for statement in (INCIDENTS, ALERTS, KEYS, EVENTS):
            conn.execute(statement, values)


def _add_source(conn: Connection, values: dict[str, Any]) -> None:
    conn.execute(
        "INSERT INTO alert_source (id, workspace_id, name, platform, scheme, settings, created_by)"
        " VALUES (%(source)s, %(workspace)s, 'past', 'datadog', 'shared_secret', %(settings)s, 'benchmark')",
        values | {"settings": Jsonb({"allow_unsigned": False, "timestamp_header": None, "topic_arns": []})},
    )
