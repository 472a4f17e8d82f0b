"""Aurora Serverless v2 Postgres with pgvector, its two roles' secrets, and in prod a proxy."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.acceptance import accept
from infra_cdk.network import Network
from infra_cdk.stages import Stage

DATABASE_NAME = "sightline"
OWNER_ROLE = "sightline_owner"
APP_ROLE = "sightline_app"
# pgvector 0.8.0 (iterative scans) came to Aurora with 16.8:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/AuroraPostgreSQL.Extensions.html
ENGINE_VERSION = rds.AuroraPostgresEngineVersion.VER_16_13
_ROTATION = (
    "Hosted rotation is a nested SAR application in the VPC; a new password is set by updating the secret "
    "and calling the migrate function (docs/deploy.md)."
)


class Database(Construct):
    """One cluster; functions reach it as the application role, migrations as its owner."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, network: Network) -> None:
        super().__init__(scope, construct_id)
        self.network = network
        self.cluster = self._cluster(stage=stage)
        owner = self.cluster.secret
        if owner is None:
            raise RuntimeError("the cluster was made without a generated owner secret")
        self.owner_secret: secretsmanager.ISecret = owner
        app_secret = rds.DatabaseSecret(self, "AppSecret", username=APP_ROLE, dbname=DATABASE_NAME)
        self.app_secret: secretsmanager.ISecret = app_secret.attach(self.cluster)
        accept(self.cluster, "AwsSolutions-SMG4", _ROTATION)
        accept(app_secret, "AwsSolutions-SMG4", _ROTATION)
        self.cluster.connections.allow_default_port_from(network.functions, "Sightline functions")
        self.owner_host = self.cluster.cluster_endpoint.hostname
        self.proxy = self._proxy() if stage.database.proxy else None
        self.app_host = self.proxy.endpoint if self.proxy else self.owner_host

    def _cluster(self, *, stage: Stage) -> rds.DatabaseCluster:
        limits = stage.database
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            engine=rds.DatabaseClusterEngine.aurora_postgres(version=ENGINE_VERSION),
            vpc=self.network.vpc,
            vpc_subnets=self.network.database_subnets,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[
                rds.ClusterInstance.serverless_v2(f"Reader{number}", scale_with_writer=True)
                for number in range(1, limits.readers + 1)
            ],
            serverless_v2_min_capacity=limits.min_acu,
            serverless_v2_max_capacity=limits.max_acu,
            serverless_v2_auto_pause_duration=(
                Duration.minutes(limits.pause_after_min) if limits.pause_after_min else None
            ),
            default_database_name=DATABASE_NAME,
            credentials=rds.Credentials.from_generated_secret(OWNER_ROLE),
            parameters=_parameters(stage=stage),
            backup=rds.BackupProps(retention=Duration.days(limits.backup_days)),
            storage_encrypted=True,
            iam_authentication=True,
            deletion_protection=stage.keep_data,
            removal_policy=RemovalPolicy.SNAPSHOT if stage.keep_data else RemovalPolicy.DESTROY,
        )
        if not stage.keep_data:
            accept(cluster, "AwsSolutions-RDS10", "A development stage is deleted with its stack.")
        accept(
            cluster,
            "AwsSolutions-RDS11",
            "Isolated subnets and its security group guard it.",
        )
        return cluster

    def _proxy(self) -> rds.DatabaseProxy:
        """Pools the application role's connections; what pins a session is kept out (design.md section 4)."""
        group = ec2.SecurityGroup(
            self, "ProxySecurityGroup", vpc=self.network.vpc, description="RDS Proxy of Sightline"
        )
        group.add_ingress_rule(self.network.functions, ec2.Port.tcp(5432), "Sightline functions")
        proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            proxy_target=rds.ProxyTarget.from_cluster(self.cluster),
            secrets=[self.app_secret],
            vpc=self.network.vpc,
            vpc_subnets=self.network.function_subnets,
            security_groups=[group],
            require_tls=True,
            client_password_auth_type=rds.ClientPasswordAuthType.POSTGRES_SCRAM_SHA_256,
            idle_client_timeout=Duration.minutes(15),
        )
        self.cluster.connections.allow_default_port_from(group, "RDS Proxy")
        return proxy


def _parameters(*, stage: Stage) -> dict[str, str]:
    """Cluster parameters; without a proxy, idle sessions end so that a pausing cluster can pause."""
    parameters = {"rds.force_ssl": "1", "log_min_duration_statement": "1000"}
    if stage.database.pause_after_min:
        # A frozen Lambda keeps its connection open, and an open connection keeps Aurora awake.
        parameters["idle_session_timeout"] = "240000"
    return parameters
