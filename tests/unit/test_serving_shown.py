"""What an operator is shown of a model store."""

import pytest

from gpu_endpoint.lifecycle.shown import containers_table, models_table, table

pytestmark = pytest.mark.unit

SERVED = {
    "id": "scenes",
    "current": "aaa",
    "previous": "bbb",
    "candidate": {"revision": "ccc", "mode": "shadow", "share": 0.1},
    "rolled_back": None,
    "serving": 1,
    "containers": 2,
    "registered": ["aaa", "ccc", "ddd"],
}


def test_a_model_is_a_line_and_what_is_in_use_is_not_listed_twice() -> None:
    head, line, other = models_table([SERVED, {"id": "own", "registered": ["eee"]}]).splitlines()
    assert head.split() == ["model", "current", "previous", "candidate", "serving", "registered"]
    assert line.split() == ["scenes", "aaa", "bbb", "ccc", "(shadow", "0.1)", "1", "of", "2", "ddd"]
    assert other.split() == ["own", "not", "served", "eee"]


def test_of_many_registered_revisions_a_few_are_named() -> None:
    shown = models_table([{"id": "own", "registered": ["a", "b", "c", "d", "e"]}])
    assert shown.endswith("a b c and 2 more")


def test_why_a_swap_was_taken_back_is_told() -> None:
    shown = models_table([SERVED | {"rolled_back": "zzz: 3 of 5 requests failed"}])
    assert shown.endswith("taken back: zzz: 3 of 5 requests failed")


def test_nothing_at_all_is_said_so() -> None:
    assert models_table([]) == "no container lives, and nothing is registered"


def test_containers_tell_their_reasons_and_what_shadows_compared() -> None:
    reason = "no space is left"
    failed = {"model": "scenes", "revision": "ccc", "state": "failed", "reason": reason}
    tally = {"requests": 4.0, "compared": 3.0, "agreement": 0.999, "least_agreement": 0.98} | {
        "failed": 0.0,
        "skipped": 1.0,
    }
    one = {"container": "vm-1", "revisions": [failed], "misread": "", "shadow": {"scenes": tally}}
    revisions, _, shadows = containers_table([one]).partition("\n\n")
    assert revisions.splitlines()[1].split() == ["vm-1", "scenes", "ccc", "failed", *reason.split()]
    assert shadows.splitlines()[1].split() == ["vm-1", "scenes", "4", "3", "0.999", "0.98", "0", "1"]


def test_empty_columns_are_left_out() -> None:
    assert table(("a", "b", "c"), [("1", "", "33"), ("22", "", "")]) == "a   c\n1   33\n22"
