"""The media bucket and the bucket that keeps its access log."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.functions import Function
from infra_cdk.stages import Stage

UPLOADS = "uploads/*"
SHEETS = "sheets/*"
DELIVERIES = "deliveries/*"
DELIVERY_DAYS = 30
"""Days that a long delivery waits to be read, dead-letter queue included; then the database has it."""
EXPORTS = "exports/*"
EXPORT_DAYS = 14
"""Days after which an archive goes whatever its row says: later than the sweep removes it."""
PREFIX = "Objects are named by workspace and asset; one prefix of one bucket is the narrowest grant."


class Storage(Construct):
    """Encrypted, versioned, private; uploads come straight from browsers by signed addresses."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        removal = RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY
        access_log = s3.Bucket(
            self,
            "AccessLog",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=removal,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(90))],
        )
        self.access_log: s3.IBucket = access_log
        self.media = s3.Bucket(
            self,
            "Media",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=removal,
            server_access_logs_bucket=access_log,
            server_access_logs_prefix="media/",
            cors=[_browser_uploads(stage=stage)],
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)),
                s3.LifecycleRule(prefix=EXPORTS.rstrip("*"), expiration=Duration.days(EXPORT_DAYS)),
                s3.LifecycleRule(prefix=DELIVERIES.rstrip("*"), expiration=Duration.days(DELIVERY_DAYS)),
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(7), expired_object_delete_marker=True
                ),
            ],
        )
        # Where operators put files for an import, each workspace below its own id; they go after a month.
        self.drop = s3.Bucket(
            self,
            "Drop",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            removal_policy=removal,
            server_access_logs_bucket=access_log,
            server_access_logs_prefix="drop/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(30), abort_incomplete_multipart_upload_after=Duration.days(7)
                )
            ],
        )
        # The L2 setting `event_bridge_enabled` makes a function and a custom resource of one property.
        bucket = self.media.node.default_child
        if not isinstance(bucket, s3.CfnBucket):
            raise TypeError("a bucket's default child is its CloudFormation resource")
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )


def may_delete(function: Function, *, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
    """Lets a function delete every version of the objects under some prefixes."""
    objects = [bucket.arn_for_objects(prefix) for prefix in prefixes]
    function.allow("s3:DeleteObject", "s3:DeleteObjectVersion", on=objects, why=PREFIX)
    function.allow(
        "s3:ListBucketVersions", on=bucket.bucket_arn, where={"StringLike": {"s3:prefix": list(prefixes)}}
    )


def _browser_uploads(*, stage: Stage) -> s3.CorsRule:
    """ETag is exposed because completing a multipart upload needs every part's."""
    return s3.CorsRule(
        allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.PUT, s3.HttpMethods.HEAD],
        allowed_origins=list(stage.web_origins),
        allowed_headers=["*"],
        exposed_headers=["ETag"],
        max_age=3600,
    )
