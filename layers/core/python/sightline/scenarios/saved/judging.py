"""What searches are worth: labels, precision at k over time, and figures about all of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sightline.database import transaction
from sightline.errors import ValidationError
from sightline.principal import Principal
from sightline.scenarios.saved import analytics_store, store
from sightline.scenarios.saved.pipeline import found, found_search
from sightline.scenarios.saved.recorded_schemas import AnalyticsAnswer, Bucket, UsedText
from sightline.scenarios.saved.schemas import LabelsAnswer, LabelsRequest, PrecisionAnswer, PrecisionPoint

# Runs that precision is shown for.
RUNS_SHOWN = 200
LONGEST_DAYS = 366
# Before that nobody searched; it keeps arithmetic inside the calendar.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def label(principal: Principal, search_id: UUID, wanted: LabelsRequest) -> LabelsAnswer:
    """Right or wrong, of moments that a search showed. Raises: NotFoundError, ValidationError."""
    with transaction(principal.workspace_id) as conn:
        row = found_search(store.recorded(conn, search_id))
        known = store.known_assets(conn, [one.asset_id for one in wanted.labels])
        unknown = [place for place, one in enumerate(wanted.labels) if one.asset_id not in known]
        if unknown:
            errors = [
                {"field": f"body.labels.{place}.asset_id", "message": "There is no such asset."}
                for place in unknown[:20]
            ]
            raise ValidationError("See errors for the fields.", errors=errors)
        for one in wanted.labels:
            store.put_label(
                conn,
                workspace_id=principal.workspace_id,
                search=row,
                asset_id=one.asset_id,
                time_s=one.time_s,
                right=one.right,
                by=principal.principal_id,
            )
        return LabelsAnswer(**store.labels_of(conn, search_id))


def precision(principal: Principal, saved_id: UUID, *, k: int, since: datetime | None) -> PrecisionAnswer:
    """Precision at k of each run of a saved search. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        found(store.saved(conn, saved_id))
        rows = store.precision_runs(conn, saved_id, k=k, since=since, limit=RUNS_SHOWN)
    points = [PrecisionPoint(**row, precision=_share(row["right"], row["labelled"])) for row in rows]
    right, labelled = sum(p.right for p in points), sum(p.labelled for p in points)
    return PrecisionAnswer(
        k=k, labelled=labelled, right=right, precision=_share(right, labelled), runs=points
    )


def analytics(
    principal: Principal, *, since: datetime | None, until: datetime | None, bucket: str
) -> AnalyticsAnswer:
    """Counts, latencies, what was asked and what was not found. Raises: ValidationError."""
    until = until or datetime.now(UTC)
    since = since or max(until, EARLIEST) - timedelta(days=30)
    longest = timedelta(days=31 if bucket == "hour" else LONGEST_DAYS)
    if not timedelta(0) < until - since <= longest:
        field = {"field": "query.since", "message": f"At most {longest.days} days before until."}
        raise ValidationError("See errors for the fields.", errors=[field])
    with transaction(principal.workspace_id) as conn:
        totals = analytics_store.totals(conn, since=since, until=until)
        used = analytics_store.texts(conn, since=since, until=until, nothing_found=False)
        missed = analytics_store.texts(conn, since=since, until=until, nothing_found=True)
        buckets = analytics_store.buckets(conn, since=since, until=until, bucket=bucket)
    return AnalyticsAnswer(
        since=since,
        until=until,
        **totals,
        zero_result_rate=_share(totals["zero_results"], totals["searches"]) or 0.0,
        most_used=[UsedText(**row) for row in used],
        nothing_found_for=[UsedText(**row) for row in missed],
        over_time=[Bucket(**row) for row in buckets],
    )


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
