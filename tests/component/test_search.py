"""Searching as a caller does it: through the handler, on Postgres, with videos made of words."""

import json
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
import pytest

from sightline.cursor import decode_cursor, encode_cursor
from sightline.database import close_idle, transaction
from sightline.http import as_lambda, create_app
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.scenarios.routes import router
from sightline.vectors.store import promote_run
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.component.footage import MODEL, PaperBlobs, WordEmbedder, frames_showing, index_run, index_video
from tests.conftest import Database, Workspace

pytestmark = pytest.mark.component

ROAD = [""] * 40
Search = Callable[..., Answer]


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def handler(embedder: WordEmbedder) -> Handler:
    return as_lambda(create_app(router, ports={Embedder: lambda: embedder, Blobs: PaperBlobs}))


@pytest.fixture
def search(handler: Handler, workspace: Workspace) -> Search:
    """POST /v1/search as a viewer of the workspace."""

    def ask(text: Any = "truck", principal: Any = None, **body: Any) -> Answer:
        principal = principal or member_of(workspace, "viewer")
        return call(handler, "POST", "/v1/search", body={"text": text, **body}, principal=principal)

    return ask


def found(answer: Answer) -> list[tuple[str, float, float, float]]:
    assert answer.status == 200, answer.text
    return [(m["asset_name"], m["start_s"], m["peak_s"], m["end_s"]) for m in answer.json["moments"]]


def plan_of(answer: Answer) -> tuple[str, int, int, bool]:
    plan = answer.json["plan"]
    return plan["path"], plan["matching"], plan["candidates"], plan["complete"]


def test_the_moment_that_shows_it_comes_first_and_says_where(search: Search, workspace: Workspace) -> None:
    # GIVEN a video with a truck from 70 s to 74 s, and one without
    vectors = frames_showing([*[""] * 70, *["truck"] * 4, *ROAD])
    asset_id = index_video(workspace, vectors, name="with truck.mp4")
    index_video(workspace, frames_showing(["bridge", *ROAD], seed=1), name="without.mp4")
    # WHEN it is asked for
    answer = search("truck", limit=3)
    # THEN it is the first answer, with its time, tile and model
    first = answer.json["moments"][0]
    assert first["asset_id"] == str(asset_id)
    assert (first["start_s"], first["end_s"]) == (70.0, 74.0)
    assert first["relevance"] > 0.9
    sheet = first["sheet"]
    assert sheet["url"].startswith(f"https://blobs.test/sheets/{workspace.id}/{asset_id}/1/00001.jpg")
    assert (sheet["tile"], sheet["columns"]) == (int(first["peak_s"]) - 60, 8)
    assert (sheet["tile_width"], sheet["tile_height"]) == (448, 256)
    assert answer.json["model"] == {"id": MODEL, "revision": "r1", "dim": 64}
    assert plan_of(answer) == ("exact", 155, 155, True)
    assert answer.json["verdict"]["found"] is True
    assert answer.json["took_ms"]["total"] >= answer.json["took_ms"]["sql"] > 0
    assert len(answer.json["moments"]) == 3


def test_what_nothing_shows_is_not_relevant(search: Search, workspace: Workspace) -> None:
    index_video(workspace, frames_showing([""] * 300))
    present = index_video(workspace, frames_showing([*ROAD, "truck", "truck"], seed=2))
    absent = search("submarine").json["moments"]
    assert max(moment["relevance"] for moment in absent) < 0.9
    shown = search("truck").json["moments"][0]
    assert (shown["asset_id"], shown["relevance"] > 0.99) == (str(present), True)


def test_what_most_of_the_footage_shows_is_found(search: Search, workspace: Workspace) -> None:
    # GIVEN footage of which three quarters show a truck, so that no truck stands out
    plan = ["truck"] * 45 + [""] * 15
    index_video(workspace, frames_showing([*plan, *plan]))
    # WHEN what is usual is asked for, and what is not there
    usual, absent = search("truck"), search("submarine")
    # THEN it is found, with its share; a moment is a stretch that shows it, and what does not is not relevant
    verdict = usual.json["verdict"]
    assert (verdict["found"], verdict["best"]) == (True, 1.0)
    assert 0.6 < verdict["share"] <= 0.75
    assert verdict["reason"].startswith("most of the footage shows this, about ")
    relevant = [one for one in usual.json["moments"] if one["relevance"] > 0.5]
    assert sorted((one["start_s"], one["end_s"]) for one in relevant) == [(0.0, 45.0), (60.0, 105.0)]
    # AND nothing else is
    assert (absent.json["verdict"]["found"], absent.json["verdict"]["share"]) == (False, None)


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, {"a", "b", "c"}),
        ({"tags": ["city"]}, {"a", "b"}),
        ({"tags": ["city", "rain"]}, {"b"}),
        ({"tags": ["City"]}, set()),
        ({"metadata": {"camera": "front"}}, {"a", "c"}),
        ({"metadata": {"camera": "front", "lane": 2}}, {"c"}),
        ({"metadata": {"lane": "2"}}, set()),
        ({"tags": ["city"], "metadata": {"camera": "front"}}, {"a"}),
        ({"metadata": {"camera": "front' OR '1'='1"}}, set()),
        ({"metadata": {"'); DROP TABLE asset; --": "x"}}, set()),
        ({"tags": ["city'; DELETE FROM search; --"]}, set()),
        ({"asset_ids": []}, set()),
        ({"asset_ids": None, "tags": None, "metadata": None}, {"a", "b", "c"}),
    ],
)
def test_filters_leave_the_videos_that_meet_them_all(
    search: Search, workspace: Workspace, filters: dict[str, Any], names: set[str]
) -> None:
    for name, tags, metadata in (
        ("a", ["city"], {"camera": "front"}),
        ("b", ["city", "rain"], {"camera": "rear"}),
        ("c", [], {"camera": "front", "lane": 2}),
    ):
        index_video(workspace, frames_showing(["truck", *ROAD]), name=name, tags=tags, metadata=metadata)
    answer = search(filters=filters, limit=100)
    assert {name for name, *_ in found(answer)} == names
    assert answer.json["plan"]["matching"] == 41 * len(names)


def test_asset_ids_of_another_workspace_find_nothing(
    search: Search, workspace: Workspace, other_workspace: Workspace
) -> None:
    theirs = index_video(other_workspace, frames_showing(["truck", *ROAD]))
    mine = index_video(workspace, frames_showing(["truck", *ROAD]))
    assert found(search(filters={"asset_ids": [str(theirs)]})) == []
    both = search(filters={"asset_ids": [str(theirs), str(mine)]}, limit=100)
    assert {moment["asset_id"] for moment in both.json["moments"]} == {str(mine)}


def test_one_workspace_never_sees_another(
    search: Search, workspace: Workspace, other_workspace: Workspace
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    assert found(search()) != []
    answer = search(principal=member_of(other_workspace))
    assert found(answer) == []
    assert answer.json["plan"]["matching"] == 0


def test_before_anything_is_indexed_the_answer_is_empty(search: Search, workspace: Workspace) -> None:
    answer = search()
    assert found(answer) == []
    assert answer.json["next_cursor"] is None
    assert plan_of(answer) == ("exact", 0, 0, True)
    assert answer.json["verdict"]["found"] is False


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE asset SET deleted_at = now() WHERE id = %s",
        "UPDATE asset SET ready_run = NULL, status = 'processing' WHERE id = %s",
    ],
)
def test_only_videos_that_are_there_are_searched(
    search: Search, workspace: Workspace, change: LiteralString
) -> None:
    asset_id = index_video(workspace, frames_showing(["truck", *ROAD]))
    assert found(search()) != []
    with transaction(workspace.id) as conn:
        conn.execute(change, (asset_id,))
    assert found(search()) == []


def test_a_video_being_indexed_again_is_found_by_its_last_run(search: Search, workspace: Workspace) -> None:
    asset_id = index_video(workspace, frames_showing(["truck", *ROAD]))
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET status = 'processing', run = 2 WHERE id = %s", (asset_id,))
    index_run(workspace, asset_id, frames_showing([*ROAD, "truck"]), run=2)
    assert found(search(limit=1))[0][2] == 0.0
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET status = 'ready', ready_run = 2 WHERE id = %s", (asset_id,))
        promote_run(conn, asset_id=asset_id, run=2)
    assert found(search(limit=1))[0][2] == 40.0


def test_pages_hold_no_moment_twice_and_ask_the_model_once(
    search: Search, workspace: Workspace, embedder: WordEmbedder
) -> None:
    # GIVEN more frames than are ranked for the first page
    for seed in range(2):
        index_video(workspace, frames_showing(["truck", "", "", "", ""] * 50, seed=seed), name=f"{seed}")
    # WHEN every page is read
    answers = [search(limit=7)]
    while cursor := answers[-1].json["next_cursor"]:
        answers.append(search(limit=7, cursor=cursor))
    # THEN each page is full but the last, nothing comes twice, and every truck has come
    pages = [found(answer) for answer in answers]
    assert all(len(page) == 7 for page in pages[:-1])
    peaks = [(name, peak_s) for page in pages for name, _, peak_s, _ in page]
    assert len(peaks) == len(set(peaks))
    shown = {(name, float(at)) for name in "01" for at in range(0, 250, 5)}
    assert shown <= {
        (name, at)
        for page in pages
        for name, start_s, _, end_s in page
        for at in map(float, range(int(start_s), int(end_s)))
    }
    scores = [moment["score"] for answer in answers for moment in answer.json["moments"]]
    assert scores == sorted(scores, reverse=True)
    assert answers[0].json["plan"]["candidates"] < answers[-1].json["plan"]["candidates"]
    assert len({answer.json["search_id"] for answer in answers}) == 1
    assert embedder.asked.count("truck") == 1


def test_a_video_added_between_two_pages_moves_nothing(search: Search, workspace: Workspace) -> None:
    index_video(workspace, frames_showing(["truck", "", "", ""] * 20), name="old")
    everything, first = found(search(limit=40)), search(limit=5)
    index_video(workspace, frames_showing(["truck"] * 3 + ROAD, seed=5), name="new")
    second = found(search(limit=30, cursor=first.json["next_cursor"]))
    assert [moment for moment in found(first) + second if moment[0] == "old"][:20] == everything[:20]


def test_a_long_stretch_is_one_moment_and_does_not_crowd_out_the_rest(
    search: Search, workspace: Workspace
) -> None:
    index_video(workspace, frames_showing([*["truck"] * 300, *[""] * 900]), name="much of it")
    index_video(workspace, frames_showing([*ROAD, "truck", *ROAD], seed=3), name="once")
    names = [name for name, *_ in found(search(limit=10))]
    assert "once" in names


@pytest.mark.parametrize("cursor", ["nonsense", "{cut}", "", "W10", "A" * 2049])
def test_a_cursor_that_is_not_ours_is_refused(search: Search, workspace: Workspace, cursor: str) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    ours = search(limit=1).json["next_cursor"]
    answer = search(limit=1, cursor=cursor.format(cut=ours[:-3]))
    assert answer.status in (400, 422)
    assert answer.json["code"] in ("invalid-cursor", "validation-failed")


@pytest.mark.parametrize(
    ("place", "forged"), [(1, "not-a-uuid"), (2, 199), (2, 1_000_000), (4, "not-a-uuid"), (3, "0")]
)
def test_a_cursor_that_was_altered_is_refused(
    search: Search, workspace: Workspace, place: int, forged: Any
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    ours = list(decode_cursor(search(limit=1).json["next_cursor"], (str, str, int, float, str, float)))
    ours[place] = forged
    answer = search(limit=1, cursor=encode_cursor(*ours))
    assert (answer.status, answer.json["code"]) == (400, "invalid-cursor")


def test_a_cursor_belongs_to_its_question_and_its_workspace(
    search: Search, workspace: Workspace, other_workspace: Workspace
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    cursor = search("truck", limit=1).json["next_cursor"]
    assert search("bus", limit=1, cursor=cursor).json["code"] == "invalid-cursor"
    assert search("truck", limit=1, cursor=cursor, filters={"tags": ["x"]}).status == 400
    elsewhere = search("truck", limit=1, cursor=cursor, principal=member_of(other_workspace))
    assert found(elsewhere) == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "body"),
        ({"text": ""}, 422, "body.text"),
        ({"text": " \n\t "}, 422, "body.text"),
        ({"text": "a" * 10_000}, 422, "body.text"),
        ({"text": "a\0b"}, 422, "body.text"),
        ({"text": 7}, 422, "body.text"),
        ({"text": "a", "limit": 0}, 422, "body.limit"),
        ({"text": "a", "limit": 101}, 422, "body.limit"),
        ({"text": "a", "filter": {}}, 422, "body.*"),
        ({"text": "a", "filters": {"asset_ids": ["7"]}}, 422, "body.filters.asset_ids.0"),
        ({"text": "a", "filters": {"tags": ["\0"]}}, 422, "body.filters.tags.0"),
        ({"text": "a", "filters": {"metadata": {"k": {"$gt": 1}}}}, 422, "body.filters.metadata"),
        ('{"text": "a", "filters": {"metadata": {"k": NaN}}}', 422, "body.filters.metadata"),
        ('{"text": "a"', 400, None),
        ("[]", 422, "body"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(
    handler: Handler, workspace: Workspace, body: Any, status: int, field: str | None
) -> None:
    answer = call(handler, "POST", "/v1/search", body=body, principal=member_of(workspace))
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert answer.json["errors"][0]["field"].startswith(field)
    assert "aaaa" not in answer.text, "input is not echoed"


def test_who_may_search(search: Search, workspace: Workspace, handler: Handler) -> None:
    assert search(principal=key_of(workspace, "viewer", ("search",))).status == 200
    assert search(principal=key_of(workspace, "admin", ("assets:read",))).status == 403
    assert call(handler, "POST", "/v1/search", body={"text": "truck"}).status == 401


def test_too_many_searches_are_told_when_to_come_back(
    search: Search, workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    set_settings(search_rate_per_minute=2)
    answers = [search() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].json["code"] == "rate-limited"
    headers = {name.lower(): value for name, value in answers[-1].headers.items()}
    assert int(headers["retry-after"]) > 0


def test_an_endpoint_that_is_down_is_said_plainly(
    search: Search, workspace: Workspace, embedder: WordEmbedder
) -> None:
    embedder.down = True
    answer = search()
    assert (answer.status, answer.json["code"]) == (503, "endpoint-unavailable")
    assert answer.json["retryable"] is True


def recorded(workspace: Workspace) -> list[dict[str, Any]]:
    with transaction(workspace.id) as conn:
        return conn.execute("SELECT * FROM search ORDER BY id").fetchall()


def test_every_search_is_recorded_for_its_workspace(
    search: Search, workspace: Workspace, other_workspace: Workspace
) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]), tags=["city"])
    answer = search("  truck ", filters={"tags": ["city"]}, limit=2)
    search("truck", filters={"tags": ["city"]}, limit=2, cursor=answer.json["next_cursor"])
    (row,) = recorded(workspace)
    assert str(row["id"]) == answer.json["search_id"]
    assert (row["text"], row["filters"]) == ("truck", {"tags": ["city"]})
    assert row["asked_by"] == str(workspace.user_id)
    assert (row["path"], row["matching"], row["candidates"], row["complete"]) == ("exact", 41, 41, True)
    assert (row["moments"], row["model_id"], row["revision"]) == (2, MODEL, "r1")
    assert row["total_ms"] >= row["sql_ms"] > 0
    assert recorded(other_workspace) == []


def test_a_search_that_cannot_be_recorded_is_answered_all_the_same(
    search: Search, workspace: Workspace, database: Database
) -> None:
    index_video(workspace, frames_showing(["truck", "", "", ""] * 4))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON search FROM sightline_app")
        try:
            first = search(limit=1)
            second = search(limit=1, cursor=first.json["next_cursor"])
        finally:
            owner.execute("GRANT INSERT ON search TO sightline_app")
    assert recorded(workspace) == []
    assert found(first) != found(second) != []


def test_an_answer_is_json_that_says_the_same_twice(search: Search, workspace: Workspace) -> None:
    index_video(workspace, frames_showing(["truck", *ROAD]))
    close_idle()
    first, again = (json.loads(search().text) for _ in range(2))
    for answer in (first, again):
        del answer["search_id"], answer["session_id"], answer["took_ms"], answer["next_cursor"]
    assert (first["plan"].pop("cached"), again["plan"].pop("cached")) == (False, True)
    assert first == again
