"""The media pipeline in Amazon States Language: pure data, no CDK.

`media` plans a video and runs one child execution of `media_batch` for every 200 contact sheets, because an
execution's history ends at 25,000 events. State carries keys and numbers, never bytes (256 KiB).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

State = dict[str, Any]

CHUNKS_AT_ONCE = 8
SHEETS_AT_ONCE = 4

# Classes of sightline.errors with `retryable = False`: a second try would end the same way. A test holds the
# two lists together, because templates import nothing of sightline.
PERMANENT_ERRORS = (
    "AccountExistsError",
    "AlreadyCreatedError",
    "ConflictError",
    "EndpointRefusedError",
    "ForbiddenAddressError",
    "ForbiddenError",
    "IdempotencyKeyReusedError",
    "InvalidCodeError",
    "InvalidCredentialsError",
    "InvalidCursorError",
    "LastAdminError",
    "MalformedRequestError",
    "MethodNotAllowedError",
    "ModelRevisionGoneError",
    "NotFoundError",
    "PayloadTooLargeError",
    "SignatureInvalidError",
    "SourceRefusedError",
    "UnauthenticatedError",
    "UnconfirmedAccountError",
    "UnreadableMediaError",
    "UnsupportedMediaTypeError",
    "UploadExpiredError",
    "UploadIncompleteError",
    "ValidationError",
    "WeakPasswordError",
)

# What a mistake in the code raises: no second try mends it, and a person wants to see it at once.
MISTAKES = (
    "AssertionError",
    "AttributeError",
    "ImportError",
    "IndexError",
    "KeyError",
    "NameError",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.UserCodeSyntaxError",
    "TypeError",
    "ValueError",
)

RETRIES: list[State] = [
    {"ErrorEquals": [*PERMANENT_ERRORS, *MISTAKES], "MaxAttempts": 0},
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 5,
        "MaxDelaySeconds": 60,
    },
]
# 2 + 3.2 + 5.1 + ... + 60 s: about six minutes, longer than an endpoint's instance takes to be replaced.
_ENDPOINT_RETRY: State = {
    "ErrorEquals": ["EndpointUnavailableError"],
    "IntervalSeconds": 2,
    "BackoffRate": 1.6,
    "MaxAttempts": 12,
    "MaxDelaySeconds": 60,
}
# As many run as the endpoint takes: who comes then waits, up to three quarters of an hour, and not in step.
_ROOM_RETRY: State = {
    "ErrorEquals": ["Lambda.TooManyRequestsException"],
    "IntervalSeconds": 2,
    "BackoffRate": 1.5,
    "MaxAttempts": 95,
    "MaxDelaySeconds": 30,
    "JitterStrategy": "FULL",
}
_IDS = {
    key: "{% $states.context.Execution.Input." + key + " %}" for key in ("workspace_id", "asset_id", "run")
}
ERROR = (
    '{% {"error": {"Error": $states.errorOutput.Error,'
    ' "Cause": $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ""}} %}'
)


@dataclass(frozen=True, kw_only=True)
class Steps:
    """ARNs of the functions the pipeline calls."""

    probe_media: str
    extract_frames: str
    embed_frames: str
    finish_asset: str
    fail_asset: str


def media(*, steps: Steps, batch_machine: str, batches_at_once: int) -> State:
    """Probe, index batch by batch, finish; whatever fails is told to the asset."""
    return {
        "Comment": "Turns one uploaded video into searchable frames",
        "QueryLanguage": "JSONata",
        "StartAt": "ProbeMedia",
        "TimeoutSeconds": 24 * 3600,
        "States": {
            "ProbeMedia": call(steps.probe_media, _IDS, then="IndexBatches") | caught(),
            "IndexBatches": {
                "Type": "Map",
                "Items": "{% $states.input.batches %}",
                "ItemSelector": _IDS | {"chunks": "{% $states.context.Map.Item.Value.chunks %}"},
                "MaxConcurrency": batches_at_once,
                "ItemProcessor": _inline("IndexBatch", _child(batch_machine)),
                "Output": {},
                "Next": "FinishAsset",
            }
            | caught(),
            "FinishAsset": call(steps.finish_asset, _IDS) | caught(),
            **failing("FailAsset", steps.fail_asset, _IDS),
        },
    }


def media_batch(*, steps: Steps) -> State:
    """Extract the sheets of each chunk, embed each sheet."""
    embed = call(
        steps.embed_frames,
        _IDS | {"sheet_no": "{% $states.input.sheet_no %}"},
        retries=[RETRIES[0], _ENDPOINT_RETRY, _ROOM_RETRY, *RETRIES[1:]],
    )
    extract = call(steps.extract_frames, _IDS | {"chunk": "{% $states.input %}"}, then="EmbedSheets")
    sheets: State = {
        "Type": "Map",
        "Items": "{% $states.input.sheets %}",
        "MaxConcurrency": SHEETS_AT_ONCE,
        "ItemProcessor": _inline("EmbedFrames", embed),
        "Output": {},
        "End": True,
    }
    chunks: State = {
        "Type": "Map",
        "Items": "{% $states.input.chunks %}",
        "MaxConcurrency": CHUNKS_AT_ONCE,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "ExtractFrames",
            "States": {"ExtractFrames": extract, "EmbedSheets": sheets},
        },
        "Output": {},
        "End": True,
    }
    return {
        "Comment": "Indexes at most 200 contact sheets of one video",
        "QueryLanguage": "JSONata",
        "StartAt": "IndexChunks",
        "TimeoutSeconds": 12 * 3600,
        "States": {"IndexChunks": chunks},
    }


def call(
    function_arn: str,
    payload: State,
    *,
    then: str | None = None,
    output: str = "{% $states.result.Payload %}",
    retries: Sequence[State] = RETRIES,
) -> State:
    """A task that invokes a Lambda with a payload and goes on with its answer."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function_arn, "Payload": payload},
        "Output": output,
        "Retry": list(retries),
        **({"Next": then} if then else {"End": True}),
    }


def _child(batch_machine: str) -> State:
    """A task that runs one child execution to its end; its steps have retried already."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {
            "StateMachineArn": batch_machine,
            "Input": {
                "workspace_id": "{% $states.input.workspace_id %}",
                "asset_id": "{% $states.input.asset_id %}",
                "run": "{% $states.input.run %}",
                "chunks": "{% $states.input.chunks %}",
                "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "{% $states.context.Execution.Id %}",
            },
        },
        "Output": {},
        "Retry": [
            {
                "ErrorEquals": [
                    "StepFunctions.ExecutionLimitExceededException",
                    "StepFunctions.SfnException",
                ],
                "IntervalSeconds": 2,
                "BackoffRate": 2,
                "MaxAttempts": 6,
            }
        ],
        "End": True,
    }


def _inline(name: str, state: State) -> State:
    return {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": name, "States": {name: state}}


def failing(name: str, function_arn: str, ids: State) -> dict[str, State]:
    """What catches lead to: the row is told why, and the execution fails with the same error."""
    return {
        name: call(
            function_arn,
            ids | {"error": "{% $states.input.error %}"},
            then="Failed",
            output="{% $states.input %}",
        ),
        "Failed": {
            "Type": "Fail",
            "Error": "{% $states.input.error.Error %}",
            "Cause": "{% $states.input.error.Cause %}",
        },
    }


def caught(failed: str = "FailAsset") -> State:
    """Any failure goes to one state, which finds a failed child's own error in its cause."""
    return {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": failed, "Output": ERROR}]}
