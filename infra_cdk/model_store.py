"""The bucket of models: artifacts by their sha256, the desired state, and what each container says."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.acceptance import accept_wildcard
from infra_cdk.stages import Stage

PREFIX = "models"
ARTIFACTS_WHY = "Artifacts are named by content, registered revisions by model: the prefix is the store."
REPORTS_WHY = "A container names its own report, and its judgements by model and revision."


class ModelStore(Construct):
    """Versioned: every desired state there ever was can be read again."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, access_log: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            # Named, so that operators and containers find it before and without the stack's outputs.
            bucket_name=f"sightline-{stage.name}-models-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
            server_access_logs_bucket=access_log,
            server_access_logs_prefix="models/",
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)),
                s3.LifecycleRule(prefix=f"{PREFIX}/containers/", expiration=Duration.days(1)),
                s3.LifecycleRule(
                    prefix=f"{PREFIX}/containers/",
                    noncurrent_version_expiration=Duration.days(1),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(noncurrent_version_expiration=Duration.days(90)),
            ],
        )
        self.address = f"s3://{self.bucket.bucket_name}/{PREFIX}"

    def admit(self, role: iam.Role) -> None:
        """Lets containers read models and the state, and write what they have to say, and nothing else."""
        models = self.bucket.arn_for_objects(f"{PREFIX}/*")
        reports = self.bucket.arn_for_objects(f"{PREFIX}/containers/*")
        breaches = self.bucket.arn_for_objects(f"{PREFIX}/breaches/*")
        for actions, resources in (
            (["s3:GetObject"], [models]),
            (["s3:PutObject"], [reports, breaches]),
            (["s3:DeleteObject"], [reports]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{PREFIX}/*"]}},
            )
        )
        accept_wildcard(role, models, ARTIFACTS_WHY)
        accept_wildcard(role, reports, REPORTS_WHY)
        accept_wildcard(role, breaches, REPORTS_WHY)
