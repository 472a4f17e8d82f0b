"""A rate per principal, kept in Postgres so that every Lambda counts together."""

from sightline.database import transaction
from sightline.errors import RateLimitedError


def take(*, subject: str, bucket: str, per_minute: int) -> None:
    """Counts one call. Raises: RateLimitedError with the seconds to wait."""
    with transaction(durable=False) as connection:
        row = connection.execute(
            "SELECT app.take_rate(%s, %s, %s) AS wait_s", (subject, bucket, per_minute)
        ).fetchone()
    wait_s = row["wait_s"] if row else 0
    if wait_s > 0:
        raise RateLimitedError(f"At most {per_minute} a minute.", retry_after_s=wait_s)
