"""SQL of figures about searches."""

from datetime import datetime

from sightline.database import Connection, Row

# Newer searches say so themselves; of older ones the moments on the first page tell.
_NOTHING = "NOT coalesce(found, moments > 0)"
MOST_USED = 10


def totals(conn: Connection, *, since: datetime, until: datetime) -> Row:
    """Counts and latencies of all searches between two times."""
    row = conn.execute(
        "SELECT count(*) AS searches, count(DISTINCT asked_by) AS people,"  # noqa: S608
        f" count(*) FILTER (WHERE cached) AS cached, count(*) FILTER (WHERE {_NOTHING}) AS zero_results,"
        " coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms), 0) AS p50_ms,"
        " coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY total_ms), 0) AS p95_ms,"
        " coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY total_ms), 0) AS p99_ms"
        " FROM search WHERE created_at >= %s AND created_at < %s",
        (since, until),
    ).fetchone()
    assert row is not None  # noqa: S101 - aggregates give one row
    return row


def texts(conn: Connection, *, since: datetime, until: datetime, nothing_found: bool) -> list[Row]:
    """What was asked most; of those that found nothing, where only these are wanted."""
    having = "HAVING bool_or(NOT coalesce(found, moments > 0))" if nothing_found else ""
    order = "zero_results DESC, searches DESC" if nothing_found else "searches DESC"
    return conn.execute(
        "SELECT lower(text) AS text, count(*) AS searches,"  # noqa: S608
        f" count(*) FILTER (WHERE {_NOTHING}) AS zero_results FROM search"
        " WHERE created_at >= %s AND created_at < %s AND text IS NOT NULL"
        f" GROUP BY lower(text) {having} ORDER BY {order}, lower(text) LIMIT %s",
        (since, until, MOST_USED),
    ).fetchall()


def buckets(conn: Connection, *, since: datetime, until: datetime, bucket: str) -> list[Row]:
    """Hours, days or weeks, in UTC; empty ones too."""
    return conn.execute(
        "SELECT stretch.start AT TIME ZONE 'UTC' AS start, count(search.id) AS searches,"  # noqa: S608
        f" count(search.id) FILTER (WHERE {_NOTHING}) AS zero_results,"
        " coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms), 0) AS p50_ms,"
        " coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY total_ms), 0) AS p95_ms"
        " FROM generate_series(date_trunc(%(bucket)s, %(since)s::timestamptz AT TIME ZONE 'UTC'),"
        "  %(until)s::timestamptz AT TIME ZONE 'UTC' - interval '1 microsecond',"
        "  ('1 ' || %(bucket)s)::interval) AS stretch (start)"
        " LEFT JOIN search ON search.created_at >= %(since)s AND search.created_at < %(until)s"
        "  AND date_trunc(%(bucket)s, search.created_at AT TIME ZONE 'UTC') = stretch.start"
        " GROUP BY stretch.start ORDER BY stretch.start",
        {"since": since, "until": until, "bucket": bucket},
    ).fetchall()
