"""Searches as they are kept: recorded, saved, run by themselves on new videos, judged, counted."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.scenarios.pipeline import Providers
from sightline.scenarios.routes import router as search
from sightline.scenarios.saved.matching import Outside, asset_ready
from sightline.scenarios.saved.routes import router as saved
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.component.footage import MODEL, PaperBlobs, WordEmbedder, frames_showing, index_run, index_video
from tests.conftest import Workspace

pytestmark = pytest.mark.component

ROAD = [""] * 60


class Told:
    """What was published, queued and tagged."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.queued: list[dict[str, Any]] = []
        self.tagged: list[UUID] = []
        self.bus_is_down = False

    def publish(self, name: str, detail: dict[str, Any]) -> None:
        if self.bus_is_down:
            raise OSError("the bus is down")
        self.events.append((name, json.loads(json.dumps(detail, default=str))))

    def send(self, message: dict[str, Any], *, delay_s: int = 0) -> None:
        assert delay_s == 0, "the first attempt is at once"
        self.queued.append(message)

    def tag(self, _workspace_id: str, asset_id: UUID) -> None:
        self.tagged.append(asset_id)


class Stage:
    """A workspace with two videos that show no truck, its API, and what leaves it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.told, self.embedder = workspace, Told(), WordEmbedder()
        ports: dict[Any, Any] = {Embedder: lambda: self.embedder, Blobs: PaperBlobs}
        self.handler: Handler = as_lambda(create_app(search, saved, ports=ports))
        for seed in range(2):
            index_video(workspace, frames_showing(ROAD, seed=seed), name=f"road {seed}")

    def call(self, method: str, path: str, body: Any = None, *, query: str = "", who: Any = None) -> Answer:
        principal = who or member_of(self.workspace, "editor")
        return call(self.handler, method, f"/v1{path}", body=body, query=query, principal=principal)

    def save(self, name: str = "trucks", **more: Any) -> dict[str, Any]:
        made = self.call("POST", "/saved-searches", {"name": name, "request": {"text": "truck"}, **more})
        assert made.status == 201, made.text
        answer: dict[str, Any] = made.json
        return answer

    def video(self, shows: list[str], name: str = "new", **more: Any) -> UUID:
        return index_video(self.workspace, frames_showing(shows, seed=7), name=name, **more)

    def ready(self, asset_id: UUID) -> None:
        """The event as EventBridge puts it on the queue."""
        detail = {"workspace_id": str(self.workspace.id), "asset_id": str(asset_id), "run": 1}
        outside = Outside(Providers(self.embedder), self.told, self.told, self.told.tag)  # type: ignore[arg-type]
        asset_ready({"detail-type": "asset.ready", "source": "sightline", "detail": detail}, outside)

    def endpoint(self) -> UUID:
        """A receiver, written down past the API of another function."""
        with transaction(self.workspace.id) as conn:
            row = conn.execute(
                "INSERT INTO webhook_endpoint (workspace_id, url, event_types, created_by)"
                " VALUES (%s, 'https://hooks.example.com', '{search.matched}', 'x') RETURNING id",
                (self.workspace.id,),
            ).fetchone()
        assert row is not None
        return UUID(str(row["id"]))

    def messages(self) -> list[dict[str, Any]]:
        with transaction(self.workspace.id) as conn:
            rows = conn.execute("SELECT body FROM webhook_message ORDER BY id").fetchall()
        return [json.loads(row["body"]) for row in rows]


@pytest.fixture
def stage(workspace: Workspace, set_settings: Callable[..., None]) -> Stage:
    set_settings(image_model=MODEL)
    return Stage(workspace)


def test_a_standing_search_tells_of_a_new_video_once(stage: Stage) -> None:
    # GIVEN a standing search, somebody to tell, and a search that does not stand
    endpoint_id, standing = stage.endpoint(), stage.save(standing=True)
    stage.save("resting")
    # WHEN a video with a truck becomes ready, told three times
    asset_id = stage.video([*ROAD, "truck", "truck", "truck", *ROAD])
    for _ in range(3):
        stage.ready(asset_id)
    # THEN there is one match, one event, one webhook
    ((name, detail),) = stage.told.events
    assert (name, detail["asset_id"], detail["saved_search_name"]) == (
        "search.matched",
        str(asset_id),
        "trucks",
    )
    (moment,) = detail["moments"]
    assert 60 <= moment["peak_s"] < 63
    assert moment["relevance"] >= 0.9
    (message,) = stage.messages()
    assert (message["type"], message["data"]) == ("search.matched", detail)
    (queued,) = stage.told.queued
    assert queued["workspace_id"] == str(stage.workspace.id)
    matches = stage.call("GET", f"/saved-searches/{standing['id']}/matches").json["items"]
    assert [(one["asset_name"], one["version"], one["run"]) for one in matches] == [("new", 1, 1)]
    assert stage.call("GET", f"/saved-searches/{standing['id']}").json["matches"] == 1
    assert stage.told.tagged == [asset_id] * 3
    assert endpoint_id


def test_what_is_below_the_bar_is_not_told(stage: Stage) -> None:
    stage.endpoint()
    saved_id = stage.save(standing=True, bar=0.9)["id"]
    stage.ready(stage.video([*ROAD, *ROAD]))
    assert (stage.told.events, stage.messages()) == ([], [])
    assert stage.call("GET", f"/saved-searches/{saved_id}/matches").json["items"] == []


def test_filters_of_a_standing_search_hold(stage: Stage) -> None:
    stage.save(standing=True, request={"text": "truck", "filters": {"tags": ["rear"]}})
    stage.ready(stage.video([*ROAD, "truck", "truck"], name="front"))
    rear = stage.video([*ROAD, "truck", "truck"], name="rear", tags=["rear"])
    stage.ready(rear)
    assert [detail["asset_id"] for _, detail in stage.told.events] == [str(rear)]


def test_another_version_and_another_run_look_again(stage: Stage) -> None:
    saved_id = stage.save(standing=True)["id"]
    asset_id = stage.video([*ROAD, "truck", "truck"])
    stage.ready(asset_id)
    # Renamed, it is the same search; with another bar it is not.
    assert stage.call("PATCH", f"/saved-searches/{saved_id}", {"name": "lorries"}).json["version"] == 1
    stage.ready(asset_id)
    assert len(stage.told.events) == 1
    assert stage.call("PATCH", f"/saved-searches/{saved_id}", {"bar": 0.8}).json["version"] == 2
    stage.ready(asset_id)
    with transaction(stage.workspace.id) as conn:
        conn.execute("UPDATE asset SET run = 2, ready_run = 2 WHERE id = %s", (asset_id,))
    index_run(stage.workspace, asset_id, frames_showing([*ROAD, "truck", "truck"], seed=9), run=2)
    stage.ready(asset_id)
    assert [(d["version"], d["run"]) for _, d in stage.told.events] == [(1, 1), (2, 1), (2, 2)]


def test_what_was_found_and_could_not_be_told_is_told_later(stage: Stage) -> None:
    stage.endpoint()
    stage.save(standing=True)
    asset_id = stage.video([*ROAD, "truck", "truck"])
    stage.told.bus_is_down = True
    with pytest.raises(OSError, match="bus"):
        stage.ready(asset_id)
    stage.told.bus_is_down = False
    stage.ready(asset_id)
    stage.ready(asset_id)
    assert len(stage.told.events) == len(stage.messages()) == 1
    # Handed over again because nobody had tried it: the same delivery, which is harmless.
    assert len({queued["delivery_id"] for queued in stage.told.queued}) == 1


def test_two_functions_at_once_find_it_once(stage: Stage) -> None:
    """The second looks while the first has written its match down and not told of it yet."""
    stage.endpoint()
    saved_id = stage.save(standing=True)["id"]
    asset_id = stage.video([*ROAD, "truck", "truck"])
    publish, entered = stage.told.publish, []

    def meanwhile(name: str, detail: dict[str, Any]) -> None:
        if not entered:
            entered.append(name)
            stage.ready(asset_id)
        publish(name, detail)

    stage.told.publish = meanwhile  # type: ignore[method-assign]
    stage.ready(asset_id)
    assert len(stage.messages()) == 1
    assert len({queued["delivery_id"] for queued in stage.told.queued}) == 1
    assert len({detail["match_id"] for _, detail in stage.told.events}) == 1
    assert len(stage.call("GET", f"/saved-searches/{saved_id}/matches").json["items"]) == 1


def test_a_search_that_cannot_be_asked_any_more_does_not_hold_up_the_others(stage: Stage) -> None:
    example = stage.video([*ROAD, "truck"], name="example")
    request = {"example": {"asset_id": str(example), "start_s": 60, "end_s": 60}}
    stage.save("by example", standing=True, request=request)
    stage.save("by words", standing=True)
    with transaction(stage.workspace.id) as conn:
        conn.execute("UPDATE asset SET deleted_at = now() WHERE id = %s", (example,))
    stage.ready(stage.video([*ROAD, "truck", "truck"]))
    assert [detail["saved_search_name"] for _, detail in stage.told.events] == ["by words"]


def test_a_video_that_is_gone_is_let_go(stage: Stage) -> None:
    stage.save(standing=True)
    stage.ready(uuid4())
    assert stage.told.events == []


def test_searches_are_recorded_listed_and_repeated(stage: Stage) -> None:
    asked = [stage.call("POST", "/search", {"text": text}).json for text in ("truck", "a Bus", "truck")]
    listed = stage.call("GET", "/searches").json["items"]
    assert [item["id"] for item in listed] == [answer["search_id"] for answer in reversed(asked)]
    assert listed[0]["request"] == {"text": "truck"}
    assert listed[0]["took_ms"]["total"] > 0
    for query, texts in {
        "text=bus": ["a Bus"],
        "found=true": [],
        "found=false&limit=2": ["truck", "a Bus"],
        "until=2020-01-01T00:00:00Z": [],
        f"asked_by={stage.workspace.user_id}&text=truck": ["truck", "truck"],
    }.items():
        found = stage.call("GET", "/searches", query=query).json["items"]
        assert [item["text"] for item in found] == texts, query
    first = stage.call("GET", "/searches", query="limit=2").json
    second = stage.call("GET", "/searches", query=f"limit=2&cursor={first['next_cursor']}").json
    assert len({item["id"] for item in first["items"] + second["items"]}) == 3
    again = stage.call("POST", f"/searches/{asked[0]['search_id']}/repeat", {"limit": 1})
    assert again.status == 200
    assert again.json["search_id"] != asked[0]["search_id"]
    assert len(again.json["moments"]) == 1
    assert stage.call("GET", f"/searches/{again.json['search_id']}").json["text"] == "truck"


def test_a_recorded_search_tells_what_it_showed(stage: Stage) -> None:
    asked = stage.call("POST", "/search", {"text": "truck", "limit": 3}).json
    kept = stage.call("POST", "/search", {"text": "truck", "limit": 3}).json
    names = ("asset_id", "asset_name", "start_s", "end_s", "peak_s", "score", "relevance")
    for answer in (asked, kept):
        recorded = stage.call("GET", f"/searches/{answer['search_id']}").json
        assert recorded["cached"] == answer["plan"]["cached"]
        assert recorded["results"] == [{name: one[name] for name in names} for one in answer["moments"]]
    listed = stage.call("GET", "/searches", query="limit=1").json["items"][0]
    assert "results" not in listed


def test_a_recorded_search_is_saved_run_and_changed(stage: Stage) -> None:
    asked = stage.call("POST", "/search", {"text": "truck", "limit": 3, "filters": {"tags": ["x"]}}).json
    made = stage.call("POST", "/saved-searches", {"name": "kept", "search_id": asked["search_id"]})
    assert made.status == 201, made.text
    assert made.json["request"] == {"text": "truck", "limit": 3, "filters": {"tags": ["x"]}}
    path = f"/saved-searches/{made.json['id']}"
    changed = stage.call("PATCH", path, {"request": {"text": "truck", "limit": 3}})
    assert (changed.json["version"], changed.json["request"]) == (2, {"text": "truck", "limit": 3})
    answer = stage.call("POST", f"{path}/run", {})
    assert len(answer.json["moments"]) == 3
    rest = stage.call("POST", f"{path}/run", {"cursor": answer.json["next_cursor"], "limit": 3})
    assert rest.status == 200, rest.text
    assert (changed := stage.call("GET", path).json)["runs"] == 1
    assert changed["last_run_at"]
    assert stage.call("POST", "/saved-searches", {"name": "kept", "request": {"text": "x"}}).status == 409
    assert stage.call("GET", "/saved-searches", query="name=kept").json["items"][0]["id"] == made.json["id"]
    assert stage.call("GET", "/saved-searches", query="standing=true").json["items"] == []
    assert stage.call("DELETE", path).status == 204
    assert stage.call("GET", path).status == 404
    assert stage.call("GET", f"/searches/{answer.json['search_id']}").json["saved_search_id"] is None


def test_labels_give_precision_at_k_of_each_run_over_time(stage: Stage) -> None:
    # GIVEN a saved search whose first run was judged: two right, one wrong, the rest not
    stage.video(["truck", *[""] * 20] * 4, name="trucks")
    path = f"/saved-searches/{stage.save()['id']}"
    first = stage.call("POST", f"{path}/run", {"limit": 10}).json
    labels = [
        {"asset_id": moment["asset_id"], "time_s": moment["peak_s"], "right": place < 2}
        for place, moment in enumerate(first["moments"][:3])
    ]
    said = stage.call("POST", f"/searches/{first['search_id']}/labels", {"labels": labels})
    assert (said.status, said.json) == (200, {"labelled": 3, "right": 2, "wrong": 1}), said.text
    # WHEN it is run again: what was said holds for the same moments
    second = stage.call("POST", f"{path}/run", {"limit": 10}).json
    now = stage.call("GET", f"{path}/precision", query="k=3").json
    # THEN both runs have a precision, and a label that is changed changes both
    assert [(run["search_id"], run["labelled"], run["right"]) for run in now["runs"]] == [
        (first["search_id"], 3, 2),
        (second["search_id"], 3, 2),
    ]
    assert now["precision"] == pytest.approx(2 / 3)
    labels[2]["right"] = True
    stage.call("POST", f"/searches/{second['search_id']}/labels", {"labels": labels[2:]})
    assert stage.call("GET", f"{path}/precision", query="k=3").json["precision"] == 1.0
    assert stage.call("GET", f"{path}/precision", query="k=1").json["runs"][0]["labelled"] == 1
    unknown = {"labels": [{"asset_id": str(uuid4()), "time_s": 0, "right": True}]}
    assert stage.call("POST", f"/searches/{first['search_id']}/labels", unknown).status == 422


def test_figures_say_what_was_asked_and_what_was_not_found(stage: Stage) -> None:
    stage.video([*ROAD, "truck", "truck"])
    for text in ("truck", "Truck", "submarine", "submarine", "bus"):
        assert stage.call("POST", "/search", {"text": text}).status == 200
    figures = stage.call("GET", "/searches/analytics").json
    assert (figures["searches"], figures["people"], figures["zero_results"]) == (5, 1, 3)
    assert figures["zero_result_rate"] == pytest.approx(0.6)
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"]
    assert {"text": "truck", "searches": 2, "zero_results": 0} in figures["most_used"]
    assert figures["nothing_found_for"][0] == {"text": "submarine", "searches": 2, "zero_results": 2}
    assert len(figures["over_time"]) in (31, 32)
    assert sum(bucket["searches"] for bucket in figures["over_time"]) == 5
    for query, status in {
        "bucket=week": 200,
        "bucket=hour": 200,
        "bucket=minute": 422,
        "since=2020-01-01T00:00:00Z": 422,
        "since=2030-01-01T00:00:00Z": 422,
        "since=yesterday": 422,
    }.items():
        assert stage.call("GET", "/searches/analytics", query=query).status == status, query


def test_searches_of_another_workspace_do_not_exist(stage: Stage, other_workspace: Workspace) -> None:
    asked = stage.call("POST", "/search", {"text": "truck"}).json["search_id"]
    saved_id = stage.save()["id"]
    stranger = member_of(other_workspace)
    for method, path, body in (
        ("GET", f"/searches/{asked}", None),
        ("POST", f"/searches/{asked}/repeat", {}),
        ("POST", f"/searches/{asked}/labels", {"labels": [{"asset_id": asked, "time_s": 0, "right": True}]}),
        ("POST", "/saved-searches", {"name": "stolen", "search_id": asked}),
        ("GET", f"/saved-searches/{saved_id}", None),
        ("PATCH", f"/saved-searches/{saved_id}", {"bar": 0.1}),
        ("POST", f"/saved-searches/{saved_id}/run", {}),
        ("GET", f"/saved-searches/{saved_id}/matches", None),
        ("GET", f"/saved-searches/{saved_id}/precision", None),
        ("DELETE", f"/saved-searches/{saved_id}", None),
    ):
        assert stage.call(method, path, body, who=stranger).status == 404, path
    assert stage.call("GET", "/searches", who=stranger).json["items"] == []
    assert stage.call("GET", "/saved-searches", who=stranger).json["items"] == []
    assert stage.call("GET", "/searches/analytics", who=stranger).json["searches"] == 0


def test_who_may_keep_searches(stage: Stage) -> None:
    body = {"name": "x", "request": {"text": "truck"}}
    assert stage.call("POST", "/saved-searches", body, who=member_of(stage.workspace, "viewer")).status == 403
    assert stage.call("POST", "/saved-searches", body, who=key_of(stage.workspace, "admin", ())).status == 403
    assert stage.call("POST", "/saved-searches", {"name": "x"}).status == 422
    assert stage.call("GET", "/searches", who=member_of(stage.workspace, "viewer")).status == 200
