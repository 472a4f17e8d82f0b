"""Acting on all results: every video that holds one, once, however often the work is delivered."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.errors import NotFoundError
from sightline.http import as_lambda, create_app
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.ports.work import ActionQueue
from sightline.scenarios.actions import work
from sightline.scenarios.everything import every_moment
from sightline.scenarios.recording import recorded_search
from sightline.scenarios.routes import router
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.component.footage import MODEL, MessageList, PaperBlobs, WordEmbedder, frames_showing, index_video
from tests.conftest import Workspace

pytestmark = pytest.mark.component

ROAD = [""] * 40
# Of ten moments that are 0.9 relevant one may be there by chance: of 3,000 draws of the sample that relevance
# is judged by, 32 let an eleventh in; at 0.99 none did.
SURE = 0.99


@pytest.fixture
def queue() -> MessageList:
    return MessageList()


@pytest.fixture
def handler(queue: MessageList, set_settings: Callable[..., None]) -> Handler:
    set_settings(image_model=MODEL)
    ports = {Embedder: WordEmbedder, Blobs: PaperBlobs, ActionQueue: lambda: queue}
    return as_lambda(create_app(router, ports=ports))


@pytest.fixture
def videos(workspace: Workspace) -> list[UUID]:
    """Thirty videos; every third shows a truck."""
    return [
        index_video(
            workspace,
            frames_showing([*ROAD, "truck" if number % 3 == 0 else "", *ROAD], seed=number),
            name=f"{number:02}",
            tags=["old"],
        )
        for number in range(30)
    ]


def ask(handler: Handler, workspace: Workspace, **body: Any) -> str:
    """A search; answers its id."""
    answer = call(
        handler,
        "POST",
        "/v1/search",
        body={"text": "truck", **body},
        principal=member_of(workspace, "viewer"),
    )
    assert answer.status == 200, answer.text
    return str(answer.json["search_id"])


def act(handler: Handler, workspace: Workspace, search_id: str, **body: Any) -> Answer:
    body = {"min_relevance": SURE} | body
    path = f"/v1/searches/{search_id}/actions"
    return call(handler, "POST", path, body=body, principal=member_of(workspace, "editor"))


def read(handler: Handler, workspace: Workspace, action_id: str) -> Any:
    path = f"/v1/search-actions/{action_id}"
    return call(handler, "GET", path, principal=member_of(workspace, "viewer")).json


def tags(workspace: Workspace) -> dict[str, list[str]]:
    with transaction(workspace.id) as conn:
        rows = conn.execute("SELECT name, tags FROM asset WHERE deleted_at IS NULL").fetchall()
    return {row["name"]: row["tags"] for row in rows}


SHOWING = {f"{number:02}" for number in range(0, 30, 3)}


def test_every_video_with_a_result_is_tagged_and_no_other(
    handler: Handler, workspace: Workspace, queue: MessageList, videos: list[UUID]
) -> None:
    # GIVEN a search whose page holds one moment of ten
    search_id = ask(handler, workspace, limit=1)
    # WHEN all results are tagged
    begun = act(handler, workspace, search_id, action="tag", tags=["truck", "old", " seen "])
    assert (begun.status, begun.json["status"]) == (202, "queued")
    work(queue.pop(), queue=queue, purges=MessageList())
    # THEN those videos are, once, and the job says so
    done = read(handler, workspace, begun.json["id"])
    assert (done["status"], done["fraction"], done["videos"], done["changed"]) == ("done", 1.0, 10, 10)
    tagged = tags(workspace)
    assert {name for name, held in tagged.items() if "truck" in held} == SHOWING
    assert tagged["00"] == ["old", "truck", "seen"]
    # AND untagging goes the same way
    act(handler, workspace, search_id, action="untag", tags=["truck", "seen"])
    work(queue.pop(), queue=queue, purges=MessageList())
    assert set(map(tuple, tags(workspace).values())) == {("old",)}


def test_work_that_takes_long_is_handed_on_and_a_second_delivery_changes_nothing(
    handler: Handler, workspace: Workspace, queue: MessageList, videos: list[UUID]
) -> None:
    begun = act(handler, workspace, ask(handler, workspace), action="tag", tags=["truck"]).json
    message = queue[0]
    deliveries = 0
    while queue:
        # One video a delivery, and every message twice.
        one = queue.pop()
        work(one, queue=queue, purges=MessageList(), work_s=-1)
        if deliveries == 3:
            assert 0 < read(handler, workspace, begun["id"])["fraction"] < 1
            work(one, queue=MessageList(), purges=MessageList(), work_s=-1)
        deliveries += 1
    done = read(handler, workspace, begun["id"])
    assert (done["status"], done["videos"], done["changed"], done["moments"]) == ("done", 10, 10, 10)
    assert deliveries >= 9
    work(message, queue=queue, purges=MessageList())
    assert queue == []


class EagerQueue(MessageList):
    """Delivers at once, while whoever sends still waits for the answer."""

    def send(self, message: Mapping[str, Any]) -> None:
        work(message, queue=self, purges=MessageList())


def test_a_message_that_is_delivered_at_once_finds_its_job(workspace: Workspace, videos: list[UUID]) -> None:
    ports = {Embedder: WordEmbedder, Blobs: PaperBlobs, ActionQueue: EagerQueue}
    handler = as_lambda(create_app(router, ports=ports))
    begun = act(handler, workspace, ask(handler, workspace), action="tag", tags=["truck"])
    assert (begun.status, read(handler, workspace, begun.json["id"])["status"]) == (202, "done")


def test_a_job_whose_message_was_lost_is_queued_again_when_it_is_looked_at(
    handler: Handler, workspace: Workspace, queue: MessageList, videos: list[UUID]
) -> None:
    begun = act(handler, workspace, ask(handler, workspace), action="tag", tags=["truck"]).json
    queue.clear()
    # not while it may still come
    assert (read(handler, workspace, begun["id"])["status"], queue) == ("queued", [])
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE search_action SET updated_at = now() - interval '2 minutes'")
    # once, however often it is looked at
    for _ in range(3):
        read(handler, workspace, begun["id"])
    (message,) = queue
    work(message, queue=queue, purges=MessageList())
    assert read(handler, workspace, begun["id"])["status"] == "done"


def test_deleting_hides_the_videos_and_queues_their_removal(
    handler: Handler, workspace: Workspace, queue: MessageList, videos: list[UUID]
) -> None:
    purges = MessageList()
    act(handler, workspace, ask(handler, workspace), action="delete", most=4)
    work(queue.pop(), queue=queue, purges=purges)
    assert len(tags(workspace)) == 26
    assert {message["asset_id"] for message in purges} <= {str(asset_id) for asset_id in videos}
    assert len(purges) == 4


def test_a_cancelled_job_stops(
    handler: Handler, workspace: Workspace, queue: MessageList, videos: list[UUID]
) -> None:
    begun = act(handler, workspace, ask(handler, workspace), action="tag", tags=["truck"]).json
    work(queue.pop(), queue=queue, purges=MessageList(), work_s=-1)
    path = f"/v1/search-actions/{begun['id']}"
    cancelled = call(handler, "DELETE", path, principal=member_of(workspace, "editor"))
    assert cancelled.json["status"] == "cancelled"
    work(queue.pop(), queue=queue, purges=MessageList())
    assert sum("truck" in held for held in tags(workspace).values()) == 1
    again = call(handler, "DELETE", path, principal=member_of(workspace, "editor"))
    assert (again.status, again.json["code"]) == (409, "conflict")


def test_work_of_a_job_that_is_not_there_yet_is_tried_again(workspace: Workspace) -> None:
    message = {"workspace_id": str(workspace.id), "action_id": str(uuid4())}
    with pytest.raises(NotFoundError):
        work(message, queue=MessageList(), purges=MessageList())


@pytest.mark.parametrize(
    "body", [{"action": "tag"}, {"action": "delete", "tags": ["x"]}, {"action": "tag", "tags": [" "]}, {}]
)
def test_a_job_that_makes_no_sense_is_refused(
    handler: Handler, workspace: Workspace, videos: list[UUID], body: dict[str, Any]
) -> None:
    assert act(handler, workspace, ask(handler, workspace), **body).status == 422


def test_all_results_of_what_is_usual_are_the_videos_that_show_it(
    handler: Handler, workspace: Workspace, queue: MessageList
) -> None:
    for number in range(4):
        plan = [*ROAD, *ROAD] if number == 3 else ["truck"] * 80
        index_video(workspace, frames_showing(plan, seed=number), name=f"{number}")
    act(handler, workspace, ask(handler, workspace), action="tag", tags=["truck"])
    work(queue.pop(), queue=queue, purges=MessageList())
    assert tags(workspace) == {"0": ["truck"], "1": ["truck"], "2": ["truck"], "3": []}


def test_who_may_act(
    handler: Handler, workspace: Workspace, other_workspace: Workspace, queue: MessageList
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    search_id = ask(handler, workspace)
    path, body = f"/v1/searches/{search_id}/actions", {"action": "tag", "tags": ["x"]}
    for principal, status in (
        (member_of(workspace, "viewer"), 403),
        (key_of(workspace, "editor", ("search",)), 403),
        (member_of(other_workspace), 404),
        (key_of(workspace, "editor", ("assets:write",)), 202),
    ):
        assert call(handler, "POST", path, body=body, principal=principal).status == status
    action_id = queue[0]["action_id"]
    path = f"/v1/search-actions/{action_id}"
    assert call(handler, "GET", path, principal=member_of(other_workspace)).status == 404


def test_every_moment_comes_once_in_order_of_video_and_can_be_gone_on_with(
    handler: Handler, workspace: Workspace, videos: list[UUID]
) -> None:
    recorded = recorded_search(workspace.id, UUID(ask(handler, workspace)))
    found = list(every_moment(workspace.id, recorded, min_relevance=SURE))
    ids = [judged.moment.peak.asset_id for judged in found]
    assert ids == sorted(ids)
    assert {judged.moment.peak.asset_name for judged in found} == SHOWING
    assert all(judged.relevance >= SURE and judged.moment.peak.time_s == 40.0 for judged in found)
    rest = list(every_moment(workspace.id, recorded, min_relevance=SURE, after_asset=ids[4]))
    assert [judged.moment.peak.asset_id for judged in rest] == ids[5:]


def test_every_chain_of_a_sequence_comes_too(handler: Handler, workspace: Workspace) -> None:
    for seed in range(4):
        index_video(workspace, frames_showing([*ROAD, "kerb", "", "crossing", *ROAD], seed=seed))
    search_id = ask(handler, workspace, text="kerb", then=[{"text": "crossing"}], limit=1)
    recorded = recorded_search(workspace.id, UUID(search_id))
    found = list(every_moment(workspace.id, recorded, min_relevance=SURE))
    assert [judged.moment.start_s for judged in found] == [40.0] * 4
