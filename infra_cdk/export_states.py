"""The machine that writes an export: turn after turn until nothing is left. Pure data, no CDK."""

from dataclasses import dataclass

from infra_cdk.media_states import State, call, caught, failing

_IDS = {
    key: "{% $states.context.Execution.Input." + key + " %}"
    for key in ("workspace_id", "export_id", "attempt")
}


@dataclass(frozen=True, kw_only=True)
class Steps:
    """ARNs of the functions it calls."""

    write_export: str
    fail_export: str


def export(*, steps: Steps) -> State:
    """A turn ends when its time is up; whatever fails for good is told to the export."""
    return {
        "Comment": "Writes frames and clips of moments into a ZIP, a turn at a time",
        "QueryLanguage": "JSONata",
        "StartAt": "WriteExport",
        "TimeoutSeconds": 24 * 3600,
        "States": {
            "WriteExport": call(steps.write_export, _IDS, then="More") | caught("FailExport"),
            "More": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.more %}", "Next": "WriteExport"}],
                "Default": "Written",
            },
            "Written": {"Type": "Succeed"},
            **failing("FailExport", steps.fail_export, _IDS),
        },
    }
