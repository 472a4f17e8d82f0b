"""Log groups that end: nothing is kept longer than its stage says."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.stages import Stage

_RETENTION = {7: logs.RetentionDays.ONE_WEEK, 90: logs.RetentionDays.THREE_MONTHS}


def log_group(scope: Construct, construct_id: str, *, stage: Stage, name: str | None = None) -> logs.LogGroup:
    """A log group whose events expire after the stage's `log_days`."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=_RETENTION[stage.log_days],
        removal_policy=RemovalPolicy.DESTROY,
    )
