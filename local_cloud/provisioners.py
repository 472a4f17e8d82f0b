"""Resource types the emulator does not know and nothing here needs to run: recorded by name, no more.

The list is closed. A template with any other unknown type is refused, and the refusal names the type.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.emulator_config import ACCOUNT, REGION

NESTED = "AWS::CloudFormation::Stack"
Properties = Mapping[str, Any]
# (logical name made unique for the stack, properties) -> (what Ref gives, what Fn::GetAtt gives)
Recorder = Callable[[str, Properties], tuple[str, dict[str, str]]]


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _sagemaker(kind: str) -> Recorder:
    def record(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
        given = properties.get(f"{kind}Name") or name
        return _arn("sagemaker", f"{kind.lower()}/{given}"), {f"{kind}Name": given}

    return record


def _identified(attribute: str | None = None) -> Recorder:
    """Ref gives an id; so does Fn::GetAtt of the one attribute, where there is one."""

    def record(name: str, _properties: Properties) -> tuple[str, dict[str, str]]:
        return name, {attribute: name} if attribute else {}

    return record


def _elastic_ip(name: str, _properties: Properties) -> tuple[str, dict[str, str]]:
    address = "192.0.2.1"  # RFC 5737: for documentation, reaches nothing
    return address, {"PublicIp": address, "AllocationId": name}


def _database_proxy(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    given = properties.get("DBProxyName") or name
    endpoint = f"{given}.proxy.{REGION}.rds.amazonaws.com"
    return given, {"DBProxyArn": _arn("rds", f"db-proxy:{given}"), "Endpoint": endpoint}


def _proxy_targets(name: str, _properties: Properties) -> tuple[str, dict[str, str]]:
    arn = _arn("rds", f"target-group:{name}")
    return arn, {"TargetGroupArn": arn}


def _stack(name: str, _properties: Properties) -> tuple[str, dict[str, str]]:
    return _arn("cloudformation", f"stack/{name}/{name}"), {}


def _scaling_policy(name: str, properties: Properties) -> tuple[str, dict[str, str]]:
    arn = _arn("autoscaling", f"scalingPolicy:{name}")
    return arn, {"Arn": arn, "PolicyName": properties.get("PolicyName", name)}


RECORD_ONLY: Mapping[str, Recorder] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _identified("Id"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policy,
    NESTED: _stack,
    "AWS::Cognito::UserPoolIdentityProvider": _identified(),
    "AWS::EC2::EIP": _elastic_ip,
    "AWS::EC2::FlowLog": _identified("Id"),
    "AWS::EC2::NatGateway": _identified("NatGatewayId"),
    "AWS::EC2::SecurityGroupIngress": _identified("Id"),
    "AWS::RDS::DBProxy": _database_proxy,
    "AWS::RDS::DBProxyTargetGroup": _proxy_targets,
    "AWS::SageMaker::Endpoint": _sagemaker("Endpoint"),
    "AWS::SageMaker::EndpointConfig": _sagemaker("EndpointConfig"),
    "AWS::SageMaker::Model": _sagemaker("Model"),
}


def install() -> None:
    """Register a provisioner for each listed type that the emulator itself does not have."""
    from ministack.services.cloudformation import provisioners

    for kind, recorder in RECORD_ONLY.items():
        provisioners._RESOURCE_HANDLERS.setdefault(kind, _handlers(recorder))
    # The emulator has one, which looks for the nested template in a bucket that only a deployment fills.
    provisioners._RESOURCE_HANDLERS[NESTED] = _handlers(_stack)


def _handlers(recorder: Recorder) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, dict[str, str]]:
        from ministack.services.cloudformation.provisioners import _physical_name

        return recorder(_physical_name(stack, logical_id, max_len=63), properties)

    def update(
        _physical_id: str, _old: Properties, properties: Properties, stack: str, logical_id: str
    ) -> tuple[str, dict[str, str]]:
        return create(logical_id, properties, stack)

    def delete(_physical_id: str, _properties: Properties) -> None:
        """Nothing runs, so nothing is left."""

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}
