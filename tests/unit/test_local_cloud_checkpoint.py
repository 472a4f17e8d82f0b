"""When the emulator's state is written: while there is work, and for sure once after it."""

import pytest

from local_cloud.checkpoint import Checkpoint

pytestmark = pytest.mark.unit


def test_what_happened_is_due_until_it_was_written_after_it_settled() -> None:
    now, written = [100.0], [True, False, True, True]
    kept = Checkpoint(lambda: written.pop(0), lambda: now[0])
    assert not kept.due
    kept.touch()
    kept.save()
    assert kept.due, "work goes on behind a request"
    # The machine is so busy that a whole minute passes, and then a deploy is in the way.
    now[0] += 60
    assert kept.due
    kept.save()
    assert kept.due
    kept.save()
    assert not kept.due
    kept.touch()
    assert kept.due
