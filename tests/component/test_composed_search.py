"""Composed questions: pictures, examples, what must not be seen, steps, filters, words, kept answers."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.ports.work import ActionQueue
from sightline.scenarios.routes import router
from sightline.settings import get_settings
from tests.component.conftest import Answer, Handler, call, member_of
from tests.component.footage import MODEL, MessageList, PaperBlobs, WordEmbedder, frames_showing, index_video
from tests.conftest import Workspace

pytestmark = pytest.mark.component

ROAD = [""] * 40
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Search = Callable[..., Answer]


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def handler(embedder: WordEmbedder, set_settings: Callable[..., None]) -> Handler:
    set_settings(image_model=MODEL)
    ports = {Embedder: lambda: embedder, Blobs: PaperBlobs, ActionQueue: MessageList}
    return as_lambda(create_app(router, ports=ports))


@pytest.fixture
def search(handler: Handler, workspace: Workspace) -> Search:
    """POST /v1/search as a viewer of the workspace."""

    def ask(principal: Any = None, **body: Any) -> Answer:
        principal = principal or member_of(workspace, "viewer")
        return call(handler, "POST", "/v1/search", body=body, principal=principal)

    return ask


def peaks(answer: Answer, *, bar: float = 0.9) -> list[tuple[str, float]]:
    """Relevant moments, best first."""
    assert answer.status == 200, answer.text
    moments = [moment for moment in answer.json["moments"] if moment["relevance"] >= bar]
    return [(moment["asset_name"], moment["peak_s"]) for moment in moments]


def captured(workspace: Workspace, asset_id: UUID, at: datetime) -> None:
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET captured_at = %s WHERE id = %s", (at, asset_id))


def test_an_own_frame_and_a_stretch_find_what_looks_like_them(search: Search, workspace: Workspace) -> None:
    shown = index_video(workspace, frames_showing([*ROAD, "truck", "truck", "truck", *ROAD]), name="a")
    index_video(workspace, frames_showing([*ROAD, "truck", *ROAD], seed=1), name="b")
    frame = search(image={"asset_id": str(shown), "time_s": 41.2})
    assert set(peaks(frame)[:2]) == {("a", 41.0), ("b", 40.0)}
    stretch = search(example={"asset_id": str(shown), "start_s": 39.6, "end_s": 42.4})
    assert {name for name, _ in peaks(stretch)} == {"a", "b"}
    assert stretch.json["model"] == {"id": MODEL, "revision": "", "dim": 64}


def test_an_example_of_another_workspace_is_not_there(
    search: Search, workspace: Workspace, other_workspace: Workspace
) -> None:
    theirs = index_video(other_workspace, frames_showing(["truck", *ROAD]))
    index_video(workspace, frames_showing(["truck", *ROAD]))
    answer = search(image={"asset_id": str(theirs), "time_s": 0})
    assert (answer.status, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize("form", [False, True])
def test_an_uploaded_picture(
    search: Search, handler: Handler, workspace: Workspace, embedder: WordEmbedder, form: bool
) -> None:
    index_video(workspace, frames_showing([*ROAD, "bus", *ROAD]), name="a")
    data = base64.b64encode(b"bus").decode()
    if form:
        lines = [
            "--edge", 'Content-Disposition: form-data; name="image"; filename="bus.jpg"',
            "Content-Type: image/jpeg", "", "bus",
            "--edge", 'Content-Disposition: form-data; name="request"', "", json.dumps({"limit": 3}),
            "--edge--", "",
        ]  # fmt: skip
        kind = {"content-type": "multipart/form-data; boundary=edge"}
        who = member_of(workspace, "viewer")
        body = "\r\n".join(lines)
        answer = call(handler, "POST", "/v1/search", body=body, headers=kind, principal=who)
    else:
        answer = search(image={"data": data}, limit=3)
    assert peaks(answer) == [("a", 40.0)]
    with transaction(workspace.id) as conn:
        (row,) = conn.execute("SELECT request, composed FROM search").fetchall()
    assert data not in json.dumps(row["request"])
    assert list(row["composed"]["pictures"]) == [row["request"]["image"]["data"]]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=edge", "no parts"),
        ("multipart/form-data", "--edge\r\n\r\n--edge--"),
        (
            "multipart/form-data; boundary=e",
            '--e\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--e--',
        ),
        (
            "multipart/form-data; boundary=e",
            '--e\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n'
            '--e\r\nContent-Disposition: form-data; name="request"\r\n\r\n[1\r\n--e--',
        ),
    ],
)
def test_a_form_that_is_none_is_refused(handler: Handler, workspace: Workspace, kind: str, body: str) -> None:
    answer = call(
        handler,
        "POST",
        "/v1/search",
        body=body,
        headers={"content-type": kind},
        principal=member_of(workspace),
    )
    assert (answer.status, answer.json["code"]) == (400, "malformed-request")


def test_text_and_picture_weigh_as_they_are_told(search: Search, workspace: Workspace) -> None:
    shown = index_video(workspace, frames_showing([*ROAD, "bus", *ROAD, "night", *ROAD, "bus night", *ROAD]))
    picture = {"asset_id": str(shown), "time_s": 40.0}
    both = search(text="night", image=picture, weights={"image": 1.3})
    assert both.json["moments"][0]["peak_s"] == 122.0
    assert search(text="night", image=picture, weights={"text": 5.0}).json["moments"][0]["peak_s"] == 81.0
    assert search(text="night", image=picture, weights={"image": 5.0}).json["moments"][0]["peak_s"] == 40.0


def test_what_must_not_be_seen_is_left_out(search: Search, workspace: Workspace) -> None:
    index_video(workspace, frames_showing([*ROAD, "night", *ROAD, "night fog", *ROAD]))
    assert [at for _, at in peaks(search(text="night"))] == [40.0, 81.0]
    assert [at for _, at in peaks(search(**{"text": "night", "not": ["fog"]}))] == [40.0]


def test_steps_follow_each_other_within_their_windows(search: Search, workspace: Workspace) -> None:
    # GIVEN kerb then road 4 s later, road without kerb, kerb without road, road before kerb, and 20 s apart
    index_video(workspace, frames_showing([*ROAD, "kerb", "", "", "", "crossing", *ROAD]), name="both")
    index_video(workspace, frames_showing([*ROAD, "crossing", *ROAD], seed=1), name="road only")
    index_video(workspace, frames_showing([*ROAD, "kerb", *ROAD], seed=2), name="kerb only")
    index_video(workspace, frames_showing([*ROAD, "crossing", "", "kerb", *ROAD], seed=3), name="reversed")
    index_video(
        workspace, frames_showing([*ROAD, "kerb", *[""] * 19, "crossing", *ROAD], seed=4), name="late"
    )
    # WHEN they are asked for within 5 s
    answer = search(text="kerb", then=[{"text": "crossing", "within_s": 5}])
    # THEN one moment is relevant: from the first step to the last, each with its frame
    assert {name for name, _ in peaks(answer)} == {"both"}
    moment = answer.json["moments"][0]
    assert (moment["start_s"], moment["end_s"]) == (40.0, 45.0)
    assert [step["time_s"] for step in moment["steps"]] == [40.0, 44.0]
    assert all(step["sheet"]["url"].startswith("https://blobs.test/") for step in moment["steps"])
    # AND a wider window takes the late one too
    wider = search(text="kerb", then=[{"text": "crossing", "within_s": 21}])
    assert {name for name, _ in peaks(wider)} == {"both", "late"}


def test_three_steps_across_sheets_and_pages(search: Search, workspace: Workspace) -> None:
    plan = [*[""] * 58, "light", "", "kerb", "", "", "crossing", *ROAD]
    for seed in range(3):
        index_video(workspace, frames_showing(plan, seed=seed), name=f"{seed}")
    index_video(workspace, frames_showing([*ROAD, "light", "", "kerb", *ROAD], seed=9), name="two of three")
    question = {"text": "light", "then": [{"text": "kerb"}, {"text": "crossing", "not": ["fog"]}]}
    first = search(**question, limit=2)
    second = search(**question, limit=2, cursor=first.json["next_cursor"])
    found = peaks(first) + peaks(second)
    assert sorted(name for name, _ in found) == ["0", "1", "2"]
    assert [step["time_s"] for step in first.json["moments"][0]["steps"]] == [58.0, 60.0, 63.0]
    assert first.json["verdict"]["found"] is True


def test_a_step_that_most_frames_show_hides_no_sequence(search: Search, workspace: Workspace) -> None:
    # GIVEN footage of which nearly all shows the first step, so that nothing stands out for showing it
    index_video(workspace, frames_showing([*["sunshine"] * 60, *["tunnel"] * 3, *["sunshine"] * 40, *ROAD]))
    # WHEN it is asked for before something rare
    answer = search(text="sunshine", then=[{"text": "tunnel", "within_s": 5}])
    # THEN the chain is found, with its frames, and is relevant
    assert answer.json["verdict"]["found"] is True
    moment = answer.json["moments"][0]
    first, second = (step["time_s"] for step in moment["steps"])
    assert 57 <= first < 60 <= second <= 62
    assert moment["relevance"] > 0.9
    # AND what is rare is not followed by what never is there
    assert not search(text="tunnel", then=[{"text": "deer"}]).json["verdict"]["found"]


def test_a_sequence_that_never_happens_is_not_found(search: Search, workspace: Workspace) -> None:
    index_video(workspace, frames_showing([*ROAD, "kerb", *ROAD, "crossing", *ROAD]))
    answer = search(text="kerb", then=[{"text": "crossing", "within_s": 5}])
    assert peaks(answer) == []
    assert answer.json["verdict"]["found"] is False


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"any_tags": ["rain", "snow"]}, {"b", "c", "d"}),
        ({"no_tags": ["rain"]}, {"a", "c"}),
        ({"metadata": {"speed": {"gte": 80}}}, {"b", "c"}),
        ({"metadata": {"speed": {"gt": 80, "lt": 130.5}}}, {"c"}),
        ({"metadata": {"speed": {"gte": "80"}}}, {"d"}),
        ({"metadata": {"driver": {"in": ["ada", "eve"]}}}, {"a", "c"}),
        ({"metadata": {"speed": {"in": [80, "90"]}}}, {"b", "d"}),
        ({"metadata": {"driver": {"exists": False}}}, {"b", "d"}),
        ({"metadata": {"driver": {"exists": True}, "speed": {"lt": 100}}}, {"a"}),
        ({"metadata": {"driver": "ada", "speed": {"lte": 50}}}, {"a"}),
        ({"metadata": {"'; --": {"in": ["x"], "gte": 1, "exists": True}}}, set()),
    ],
)
def test_conditions_on_tags_and_metadata(
    search: Search, workspace: Workspace, filters: dict[str, Any], names: set[str]
) -> None:
    for name, tags, metadata in (
        ("a", [], {"speed": 50, "driver": "ada"}),
        ("b", ["rain"], {"speed": 80}),
        ("c", ["snow"], {"speed": 130, "driver": "eve"}),
        ("d", ["rain"], {"speed": "90"}),
    ):
        index_video(workspace, frames_showing(["truck", *ROAD]), name=name, tags=tags, metadata=metadata)
    answer = search(text="truck", filters=filters, limit=100)
    assert {moment["asset_name"] for moment in answer.json["moments"]} == names


def test_capture_time_is_that_of_the_frame(search: Search, workspace: Workspace) -> None:
    # GIVEN a video of 100 s from noon on, one from an hour later, one that says nothing
    for name, hours in (("noon", 0), ("one", 1)):
        asset_id = index_video(workspace, frames_showing(["truck"] * 100), name=name)
        captured(workspace, asset_id, NOON + timedelta(hours=hours))
    index_video(workspace, frames_showing(["truck"] * 100), name="unknown")

    def asked(**filters: Any) -> tuple[int, set[str], list[float]]:
        answer = search(text="truck", filters=filters, limit=100)
        assert answer.status == 200, answer.text
        moments = answer.json["moments"]
        times = [moment["peak_s"] for moment in moments]
        return answer.json["plan"]["matching"], {one["asset_name"] for one in moments}, times

    # THEN frames count by their own time, exactly
    count, names, times = asked(captured={"from": "2026-03-01T12:00:30Z", "to": "2026-03-01T12:00:50Z"})
    assert (count, names) == (20, {"noon"})
    assert all(30 <= at < 50 for at in times)
    assert asked(captured={"to": "2026-03-01T13:00:00Z"})[:2] == (100, {"noon"})
    assert asked(captured={"from": "2026-03-01T12:30:00+00:00"})[:2] == (100, {"one"})
    berlin = {"from": "13:00", "to": "13:01", "zone": "Europe/Berlin"}
    assert asked(time_of_day=berlin)[:2] == (60, {"noon"})
    assert asked(time_of_day={"from": "13:01:30", "to": "12:00:10"})[:2] == (20, {"noon", "one"})


@pytest.mark.parametrize(
    "filters",
    [
        {"time_of_day": {"from": "10:00", "to": "11:00", "zone": "Mars/Olympus"}},
        {"time_of_day": {"from": "10:00+01:00", "to": "11:00"}},
        {"captured": {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}},
        {"captured": {"from": "2026-03-02T00:00:00"}},
        {"metadata": {"speed": {}}},
        {"metadata": {"speed": {"in": []}}},
    ],
)
def test_filters_that_make_no_sense_are_refused(
    search: Search, workspace: Workspace, filters: dict[str, Any]
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    answer = search(text="truck", filters=filters)
    assert (answer.status, answer.json["code"]) == (422, "validation-failed"), answer.text


def test_words_in_titles_tags_and_notes_are_fused_with_what_is_seen(
    search: Search, workspace: Workspace
) -> None:
    index_video(workspace, frames_showing([*ROAD, "truck", *ROAD]), name="plain.mp4")
    for name, tags, notes, seed in (
        ("A9_munich-nuremberg.mp4", [], "", 1),
        ("b.mp4", ["munich"], "", 2),
        ("c.mp4", [], "wet near Munich", 3),
    ):
        vectors = frames_showing([*ROAD, "truck", *ROAD], seed=seed)
        index_video(workspace, vectors, name=name, tags=tags, metadata={"notes": notes})
    answer = search(text="truck", words="Munich, 1", limit=4, moments={"per_asset": 1})
    assert peaks(answer)[0][0] == "A9_munich-nuremberg.mp4"
    assert {at for _, at in peaks(answer)} == {40.0}
    names = [moment["asset_name"] for moment in answer.json["moments"]]
    assert set(names[:3]) == {"A9_munich-nuremberg.mp4", "b.mp4", "c.mp4"}
    assert answer.json["plan"]["words"] == {"used": ["munich"], "too_common": [], "videos": 3}
    nothing = search(text="truck", words="submarine")
    assert nothing.json["plan"]["words"] == {"used": [], "too_common": [], "videos": 0}


def test_moments_alike_and_simultaneous_ones_collapse(search: Search, workspace: Workspace) -> None:
    vectors = frames_showing([*ROAD, "truck", *ROAD])
    front = index_video(workspace, vectors, name="front")
    index_video(workspace, vectors, name="copy")
    rear = index_video(workspace, frames_showing([*[""] * 30, "truck", *ROAD], seed=5), name="rear")
    captured(workspace, front, NOON)
    captured(workspace, rear, NOON + timedelta(seconds=10))
    assert len(peaks(search(text="truck"))) == 3
    alike = search(text="truck", collapse=["alike"])
    assert len(peaks(alike)) == 2
    both = search(text="truck", collapse=["alike", "simultaneous"])
    assert len(peaks(both)) == 1
    others = both.json["moments"][0]["collapsed"]
    assert {one["asset_name"] for one in others} | {peaks(both)[0][0]} == {"front", "copy", "rear"}


def test_relevance_and_number_of_a_videos_moments_can_be_held_to(
    search: Search, workspace: Workspace
) -> None:
    index_video(workspace, frames_showing([*ROAD, "truck", *ROAD, "truck", *ROAD]), name="a")
    assert len(peaks(search(text="truck"))) == 2
    assert len(peaks(search(text="truck", moments={"per_asset": 1}))) == 1
    assert len(search(text="truck", min_relevance=0.9).json["moments"]) == 2
    assert len(peaks(search(text="truck", moments={"min_gap_s": 60}))) == 1


def test_smoothing_prefers_what_lasts(search: Search, workspace: Workspace) -> None:
    lasting = frames_showing([*ROAD, *["truck"] * 5, *ROAD])
    index_video(workspace, lasting, name="lasting")
    flash = frames_showing([*ROAD, "truck", *ROAD], seed=6)
    flash[40] = frames_showing(["truck truck truck"], seed=7)[0] * 0.2 + flash[40] * 0.9
    index_video(workspace, flash, name="flash")
    answer = search(text="truck", moments={"smooth_s": 3.0}, limit=2)
    assert [moment["asset_name"] for moment in answer.json["moments"]] == ["lasting", "flash"]
    assert answer.json["moments"][0]["peak_s"] == 42.0


def test_a_question_asked_again_is_answered_from_memory_until_something_changes(
    search: Search, workspace: Workspace, embedder: WordEmbedder
) -> None:
    asset_id = index_video(workspace, frames_showing(["truck", *ROAD]), name="old")
    first, again = search(text="truck"), search(text="truck")
    assert [answer.json["plan"]["cached"] for answer in (first, again)] == [False, True]
    assert peaks(first) == peaks(again)
    assert first.json["search_id"] != again.json["search_id"]
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET name = 'new' WHERE id = %s", (asset_id,))
    changed = search(text="truck")
    assert (changed.json["plan"]["cached"], changed.json["moments"][0]["asset_name"]) == (False, "new")
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET frames_done = 7, heartbeat_at = now() WHERE id = %s", (asset_id,))
    assert search(text="truck").json["plan"]["cached"] is True
    index_video(workspace, frames_showing(["truck", *ROAD], seed=1), name="another")
    assert search(text="truck").json["plan"]["cached"] is False
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET deleted_at = now() WHERE id = %s", (asset_id,))
    left = search(text="truck")
    assert {name for name, _ in peaks(left)} == {"another"}
    assert embedder.asked.count("truck") == 1


def test_nothing_kept_crosses_workspaces(
    search: Search, workspace: Workspace, other_workspace: Workspace, embedder: WordEmbedder
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    search(text="truck")
    theirs = search(principal=member_of(other_workspace), text="truck")
    assert (theirs.json["moments"], theirs.json["plan"]["cached"]) == ([], False)
    assert embedder.asked.count("truck") == 2
    assert get_settings().image_model == MODEL


def test_what_is_described_better_by_other_words_was_not_found(search: Search, workspace: Workspace) -> None:
    # GIVEN frames of a river, which the captions name, and a question that leans to it; frames of a truck
    plan = [*ROAD, "a river", "a river", "a river", *ROAD, "truck", "truck", "truck", *ROAD]
    index_video(workspace, frames_showing(plan))
    truck = search(text="truck").json["verdict"]
    leaning = search(text="a river crossed by elephants in plastic boots").json["verdict"]
    # THEN both stand out, and one of them is what was found
    assert min(truck["best"], leaning["best"]) >= truck["bar"]
    assert (truck["found"], leaning["found"]) == (True, False)
    assert truck["described"] > leaning["described"]
    assert 'such as "a river"' in leaning["reason"]


def test_a_frame_of_what_is_usual_is_found_where_it_is(search: Search, workspace: Workspace) -> None:
    # GIVEN footage that shows the same throughout, so that none of it stands out
    asset_id = index_video(workspace, frames_showing(["truck"] * 100))
    own = search(image={"asset_id": str(asset_id), "time_s": 30.0}).json
    other = search(image={"data": base64.b64encode(b"submarine").decode()}).json
    # THEN a frame of it is there, where it was taken, and what looks otherwise is not
    assert (own["verdict"]["found"], own["verdict"]["reason"]) == (True, "the best moment looks the same")
    relevant = [(one["peak_s"], one["relevance"]) for one in own["moments"] if one["relevance"] > 0.7]
    assert relevant == [(30.0, 1.0)]
    assert other["verdict"]["found"] is False


def test_judgements_move_the_answer_and_the_session_can_be_gone_on_with(
    search: Search, handler: Handler, workspace: Workspace, embedder: WordEmbedder
) -> None:
    # GIVEN trucks with a trailer, which has no word, and trucks without
    plan = [*ROAD, "truck", *ROAD, "truck zeugma", *ROAD]
    ids = {
        name: index_video(workspace, frames_showing(plan, seed=seed), name=name)
        for seed, name in enumerate("abc")
    }
    viewer = member_of(workspace, "viewer")
    first = search(text="truck", limit=6)
    assert {at for _, at in peaks(first)[:3]} == {40.0}
    # WHEN one is judged right and one wrong, in two rounds
    path = f"/v1/searches/{first.json['search_id']}"
    right = {"more": [{"asset_id": str(ids[name]), "time_s": 81.0} for name in "ab"]}
    second = call(handler, "POST", f"{path}/refine", body=right, principal=viewer)
    wrong = {
        "less": [{"asset_id": str(ids["a"]), "time_s": 40.0}, {"asset_id": str(ids["b"]), "time_s": 40.0}]
    }
    path = f"/v1/searches/{second.json['search_id']}"
    third = call(handler, "POST", f"{path}/refine", body={**wrong, "limit": 3}, principal=viewer)
    # THEN those with a trailer come first, in videos that nobody judged too
    assert {(one["asset_name"], one["peak_s"]) for one in third.json["moments"]} == {
        (name, 81.0) for name in "abc"
    }
    # AND the session knows it all, from any of its searches; its pages go on
    session = call(handler, "GET", f"{path}/session", principal=viewer).json
    assert session["session_id"] == first.json["search_id"] == third.json["session_id"]
    assert [(one["more"], one["less"]) for one in session["rounds"]] == [(0, 0), (2, 0), (2, 2)]
    assert session["request"]["text"] == "truck"
    last = f"/v1/searches/{third.json['search_id']}/refine"
    page = call(handler, "POST", last, body={"cursor": third.json["next_cursor"]}, principal=viewer)
    assert page.json["search_id"] == third.json["search_id"]
    assert page.json["moments"][0]["score"] <= third.json["moments"][-1]["score"]
    # AND a judgement can be taken back
    back = {"more": [{"asset_id": str(ids["a"]), "time_s": 40.0}]}
    call(handler, "POST", last, body=back, principal=viewer)
    rounds = call(handler, "GET", f"{path}/session", principal=viewer).json["rounds"]
    assert (rounds[-1]["more"], rounds[-1]["less"]) == (3, 1)
    assert embedder.asked.count("truck") == 1


def test_a_session_of_another_workspace_is_not_there(
    search: Search, handler: Handler, workspace: Workspace, other_workspace: Workspace
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    search_id = search(text="truck").json["search_id"]
    stranger = member_of(other_workspace)
    for method, rest, body in (
        ("GET", "session", None),
        ("POST", "refine", {}),
        ("POST", "actions", {"action": "delete"}),
    ):
        answer = call(handler, method, f"/v1/searches/{search_id}/{rest}", body=body, principal=stranger)
        assert answer.status == 404, rest


def test_a_refined_picture_search_needs_the_picture_no_more(
    search: Search, handler: Handler, workspace: Workspace, embedder: WordEmbedder
) -> None:
    asset_id = index_video(workspace, frames_showing([*ROAD, "bus", *ROAD]), name="a")
    first = search(image={"data": base64.b64encode(b"bus").decode()})
    with transaction(workspace.id) as conn:
        conn.execute("DELETE FROM question_vector")
    body = {"more": [{"asset_id": str(asset_id), "time_s": 40.0}]}
    path = f"/v1/searches/{first.json['search_id']}/refine"
    again = call(handler, "POST", path, body=body, principal=member_of(workspace, "viewer"))
    assert peaks(again) == [("a", 40.0)]
    assert embedder.asked.count("bus") == 1
