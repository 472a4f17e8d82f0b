"""The SageMaker endpoint that embeds frames and queries: serverless on CPU or instances that scale."""

from aws_cdk import ArnFormat, CfnParameter, Duration, Fn, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra_cdk.acceptance import accept_wildcard
from infra_cdk.functions import Function
from infra_cdk.model_store import ModelStore
from infra_cdk.stages import InstanceEndpoint, ServerlessEndpoint, Stage

REPOSITORY = "sightline-endpoint"
VARIANT = "primary"


class Inference(Construct):
    """Model, endpoint configuration and endpoint for one container image."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, model_store: ModelStore) -> None:
        super().__init__(scope, construct_id)
        tag = CfnParameter(
            self,
            "ImageTag",
            default="latest",
            description=f"Tag of the image in the repository {REPOSITORY} here, without its cpu- or gpu-",
        )
        tag.override_logical_id("EndpointImageTag")
        stack = Stack.of(self)
        if stage.image == "gpu" and isinstance(stage.endpoint, ServerlessEndpoint):
            raise ValueError(f"the stage {stage.name}: a serverless endpoint has no GPU")
        registry = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
        image = Fn.sub(f"{registry}/{REPOSITORY}:{stage.image}-${{EndpointImageTag}}")
        self.role = self._role()
        model_store.admit(self.role)
        self.model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image,
                environment={
                    "SIGHTLINE_STAGE": stage.name,
                    "SIGHTLINE_IMAGE_MODEL": stage.image_model,
                    "SIGHTLINE_MODEL_STORE": model_store.address,
                },
            ),
        )
        self.model.node.add_dependency(self.role)
        self.configuration = sagemaker.CfnEndpointConfig(
            self, "Configuration", production_variants=[_variant(settings=stage.endpoint, model=self.model)]
        )
        self.endpoint = sagemaker.CfnEndpoint(
            self, "Endpoint", endpoint_config_name=self.configuration.attr_endpoint_config_name
        )
        self.name = self.endpoint.attr_endpoint_name
        self._arn = stack.format_arn(service="sagemaker", resource="endpoint", resource_name=self.name)
        if isinstance(stage.endpoint, InstanceEndpoint):
            self._scale(settings=stage.endpoint)

    def admit(self, function: Function) -> None:
        """Lets a function call this endpoint and no other."""
        function.set(SIGHTLINE_ENDPOINT_NAME=self.name)
        function.allow("sagemaker:InvokeEndpoint", on=self._arn)

    def _role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            description="What the inference container may do",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        )
        stack = Stack.of(self)
        repository = stack.format_arn(service="ecr", resource="repository", resource_name=REPOSITORY)
        logs = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/Endpoints/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[repository],
            )
        )
        role.add_to_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], resources=[logs]
            )
        )
        accept_wildcard(role, "*", "An ECR token belongs to no repository.")
        accept_wildcard(role, logs, "SageMaker names the endpoint's log group after the endpoint itself.")
        return role

    def _scale(self, *, settings: InstanceEndpoint) -> None:
        """Follows the number of concurrent requests, out quickly and in slowly."""
        target = scaling.ScalableTarget(
            self,
            "Instances",
            service_namespace=scaling.ServiceNamespace.SAGEMAKER,
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{self.name}/variant/{VARIANT}",
            min_capacity=settings.min_instances,
            max_capacity=settings.max_instances,
        )
        target.node.add_dependency(self.endpoint)
        target.scale_to_track_metric(
            "ConcurrentRequests",
            target_value=settings.requests_per_instance,
            predefined_metric=scaling.PredefinedMetric.SAGEMAKER_VARIANT_CONCURRENT_REQUESTS_PER_MODEL_HIGH_RESOLUTION,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )


def _variant(
    *, settings: ServerlessEndpoint | InstanceEndpoint, model: sagemaker.CfnModel
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    if isinstance(settings, ServerlessEndpoint):
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=VARIANT,
            model_name=model.attr_model_name,
            initial_variant_weight=1,
            serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                memory_size_in_mb=settings.memory_mb, max_concurrency=settings.max_concurrency
            ),
        )
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=VARIANT,
        model_name=model.attr_model_name,
        initial_variant_weight=1,
        instance_type=settings.instance_type,
        inference_ami_version=settings.ami,
        initial_instance_count=settings.min_instances,
    )
