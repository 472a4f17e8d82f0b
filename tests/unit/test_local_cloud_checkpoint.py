"""When the emulator's state is written: while there is work, and for sure once after it."""

import pytest

from local_cloud.checkpoint import Checkpoint, passed_on

pytestmark = pytest.mark.unit


def test_nothing_is_written_before_what_is_stored_was_read() -> None:
    written: list[bool] = []
    kept = Checkpoint(lambda: not written.append(True))
    kept.touch()
    kept.save()
    kept.stop()
    assert written == []


def test_what_happened_is_due_until_it_was_written_after_it_settled() -> None:
    now, whole = [100.0], [True]
    kept = Checkpoint(lambda: whole[0], lambda: now[0])
    kept.start()
    assert not kept.due
    kept.touch()
    kept.save()
    assert kept.due, "work goes on behind a request"
    # The machine is so busy that a whole minute passes, and then a deploy is in the way.
    whole[0] = False
    now[0] += 60
    kept.save()
    assert kept.due
    whole[0] = True
    kept.save()
    assert not kept.due
    kept.touch()
    assert kept.due
    kept.stop()


def test_a_call_that_is_only_passed_on_is_no_reason_to_write() -> None:
    kept = Checkpoint(lambda: True)
    with passed_on():
        kept.touch()
        assert not kept.due
    kept.touch()
    assert kept.due
