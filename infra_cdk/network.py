"""Where functions and the database live."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra_cdk.acceptance import accept
from infra_cdk.log_groups import log_group
from infra_cdk.stages import Stage


class Network(Construct):
    """Two zones, one NAT gateway, and a way to S3 that does not pass through it."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            # One, not one per zone: Slack, model providers and AWS APIs are reached through it, and interface
            # endpoints for six services in two zones cost more (design.md section 5).
            nat_gateways=1,
            # The custom resource behind this setting runs Node.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(
                    name="Functions", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20
                ),
                ec2.SubnetConfiguration(
                    name="Database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.function_subnets = ec2.SubnetSelection(subnet_group_name="Functions")
        self.database_subnets = ec2.SubnetSelection(subnet_group_name="Database")
        self.functions = ec2.SecurityGroup(
            self,
            "FunctionsSecurityGroup",
            vpc=self.vpc,
            description="Sightline functions that need the database",
        )
        if stage.flow_logs:
            self._log_flows(stage=stage)
        else:
            accept(
                self.vpc,
                "AwsSolutions-VPC7",
                "Flow logs cost more than a development stage's traffic is worth.",
            )

    def _log_flows(self, *, stage: Stage) -> None:
        group = log_group(self, "Flows", stage=stage)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
