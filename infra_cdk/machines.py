"""State machines as every one of ours is: traced, logged without their data, allowed what they call."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as states
from constructs import Construct

from infra_cdk.acceptance import accept_wildcard
from infra_cdk.functions import Function
from infra_cdk.log_groups import log_group
from infra_cdk.media_states import State
from infra_cdk.stages import Stage


def machine(scope: Construct, construct_id: str, definition: State, *, stage: Stage) -> states.StateMachine:
    """A standard state machine with a definition as data."""
    made = states.StateMachine(
        scope,
        construct_id,
        definition_body=states.DefinitionBody.from_string(Stack.of(scope).to_json_string(definition)),
        tracing_enabled=True,
        logs=states.LogOptions(
            destination=log_group(scope, f"{construct_id}Logs", stage=stage),
            level=states.LogLevel.ALL,
            include_execution_data=False,
        ),
    )
    accept_wildcard(made, "*", "Log delivery and X-Ray have no resources to name.")
    return made


def let_call(made: states.StateMachine, *functions: Function) -> None:
    """Lets a machine invoke functions."""
    made.add_to_role_policy(
        iam.PolicyStatement(
            actions=["lambda:InvokeFunction"],
            resources=[function.lambda_function.function_arn for function in functions],
        )
    )
