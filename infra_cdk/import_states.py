"""The machine that imports: a page of objects, its batches, the next page. Pure data, no CDK."""

from dataclasses import dataclass

from infra_cdk.media_states import State, call, caught, failing

FETCHES_AT_ONCE = 4
"""Batches copied at a time by one import; S3 copies, our function waits."""
_IDS = {
    key: "{% $states.context.Execution.Input." + key + " %}"
    for key in ("workspace_id", "import_id", "attempt")
}
_JOB = {key: _IDS[key] for key in ("workspace_id", "import_id")}


@dataclass(frozen=True, kw_only=True)
class Steps:
    """ARNs of the functions it calls."""

    list_import: str
    fetch_objects: str
    fail_import: str


def import_(*, steps: Steps) -> State:
    """Inline Maps over planned batches: docs/decisions/0008-imports-by-pages.md says why."""
    batch = {"first": "{% $states.input.first %}", "last": "{% $states.input.last %}"}
    fetch: State = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": "FetchObjects",
        "States": {
            "FetchObjects": call(
                steps.fetch_objects,
                _JOB | batch,
                then="MoreOfBatch",
                output="{% $merge([$states.input, $states.result.Payload]) %}",
            ),
            "MoreOfBatch": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.more %}", "Next": "FetchObjects"}],
                "Default": "Fetched",
            },
            "Fetched": {"Type": "Succeed"},
        },
    }
    return {
        "Comment": "Registers the objects of a bucket, a page at a time",
        "QueryLanguage": "JSONata",
        "StartAt": "ListImport",
        "TimeoutSeconds": 7 * 24 * 3600,
        "States": {
            "ListImport": call(steps.list_import, _IDS, then="More") | caught("FailImport"),
            "More": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input.more %}", "Next": "FetchPage"}],
                "Default": "Imported",
            },
            "FetchPage": {
                "Type": "Map",
                "Items": "{% $states.input.batches %}",
                "MaxConcurrency": FETCHES_AT_ONCE,
                "ItemProcessor": fetch,
                "Output": {},
                "Next": "ListImport",
            }
            | caught("FailImport"),
            "Imported": {"Type": "Succeed"},
            **failing("FailImport", steps.fail_import, _IDS),
        },
    }
