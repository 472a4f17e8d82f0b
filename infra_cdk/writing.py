"""Lets a function write by the stage's writer: by one model, or with one key, and no other."""

from aws_cdk import ArnFormat, Stack

from infra_cdk.functions import Function
from infra_cdk.stages import Stage

# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
PROFILES = ("us.", "eu.", "apac.", "global.")


def may_write(function: Function, *, stage: Stage) -> None:
    """Names the writer to the function and grants what that one needs: nothing for `extractive`."""
    function.set(SIGHTLINE_WRITER=stage.writer)
    provider, _, model = stage.writer.partition("/")
    if provider == "bedrock":
        _invoke(function, model)
    elif provider == "anthropic":
        _read_key(function, stage)


def _invoke(function: Function, model: str) -> None:
    stack = Stack.of(function)
    prefix = next((one for one in PROFILES if model.startswith(one)), "")
    if not prefix:
        function.allow("bedrock:InvokeModel", on=_model(stack, model, region=stack.region))
        return
    profile = stack.format_arn(service="bedrock", resource="inference-profile", resource_name=model)
    anywhere = _model(stack, model.removeprefix(prefix), region="*")
    function.allow(
        "bedrock:InvokeModel",
        on=[profile, anywhere],
        why="An inference profile sends a call to whichever of its regions has room; the model is named.",
    )


def _model(stack: Stack, model: str, *, region: str) -> str:
    """A foundation model is nobody's: its ARN names no account."""
    return stack.format_arn(
        service="bedrock", resource="foundation-model", account="", region=region, resource_name=model
    )


def _read_key(function: Function, stage: Stage) -> None:
    if stage.writer_secret_name is None:
        raise ValueError(f"the stage {stage.name}: {stage.writer} needs writer_secret_name")
    secret = Stack.of(function).format_arn(
        service="secretsmanager",
        resource="secret",
        resource_name=stage.writer_secret_name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    function.set(SIGHTLINE_WRITER_SECRET_ARN=secret)
    function.allow(
        "secretsmanager:GetSecretValue",
        on=f"{secret}-??????",
        why="Secrets Manager ends a secret's ARN with six characters of its own.",
    )
