"""Concepts as their owner teaches them: marks, a draft with figures, kept, applied, searched, shared."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.ports.work import ApplicationQueue, TrainingQueue
from sightline.scenarios.concepts import applying, training
from sightline.scenarios.concepts.routes import router as concepts
from sightline.scenarios.concepts.source import KeptConcepts
from sightline.scenarios.legs import ConceptSource
from sightline.scenarios.routes import router as search
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.component.footage import MODEL, PaperBlobs, WordEmbedder, frames_showing, index_run, index_video
from tests.conftest import Workspace

pytestmark = pytest.mark.component

Ask = Callable[..., Answer]
# What the language has no word for: two things at once, among frames that show one of them.
DRIVE = ["cone"] * 10 + [""] * 20 + ["cone barrier"] * 12 + [""] * 20 + ["barrier"] * 10 + [""] * 20


class Sent(list[dict[str, Any]]):
    """A queue that keeps what was sent."""

    def send(self, message: dict[str, Any]) -> None:
        self.append(
            {name: str(value) if isinstance(value, UUID) else value for name, value in message.items()}
        )


class Stage:
    """A workspace with its API, and what its queues hold."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.trainings, self.applications, self.model = Sent(), Sent(), WordEmbedder()
        ports: dict[Any, Any] = {
            TrainingQueue: lambda: self.trainings,
            ApplicationQueue: lambda: self.applications,
            Embedder: lambda: self.model,
            Blobs: PaperBlobs,
            ConceptSource: KeptConcepts,
        }
        self.handler: Handler = as_lambda(create_app(search, concepts, ports=ports))
        self.videos = [
            index_video(workspace, frames_showing(DRIVE, seed=seed), name=f"{seed}.mp4") for seed in range(3)
        ]

    def call(self, method: str, path: str, body: Any = None, *, query: str = "", who: Any = None) -> Answer:
        principal = who or member_of(self.workspace, "editor")
        return call(self.handler, method, f"/v1{path}", body=body, query=query, principal=principal)

    def work(self) -> None:
        """What the two functions do with their queues."""
        while self.trainings:
            training.train_concept(self.trainings.pop(0))
        while self.applications:
            applying.apply_concept(self.applications.pop(0), queue=self.applications)

    def frames(self, video: int, first: int, last: int) -> list[dict[str, Any]]:
        return [{"asset_id": str(self.videos[video]), "time_s": at} for at in range(first, last)]

    def taught(self, name: str = "roadworks") -> str:
        """A concept marked on the first two videos, and trained."""
        yes = [frame for video in (0, 1) for frame in self.frames(video, 30, 40)]
        no = [f for video in (0, 1) for f in self.frames(video, 0, 5) + self.frames(video, 62, 68)]
        marks = {"yes": yes, "no": no}
        made = self.call("POST", "/concepts", {"name": name, **marks})
        assert made.status == 201, made.text
        trained = self.call("POST", f"/concepts/{made.json['id']}/train")
        assert (trained.status, trained.json["status"]) == (202, "queued"), trained.text
        self.work()
        return str(made.json["id"])

    def tags(self, asset_id: UUID) -> list[str]:
        with transaction(self.workspace.id) as conn:
            row = conn.execute("SELECT tags FROM asset WHERE id = %s", (asset_id,)).fetchone()
        assert row is not None
        return list(row["tags"])


@pytest.fixture
def stage(workspace: Workspace, set_settings: Callable[..., None]) -> Stage:
    set_settings(image_model=MODEL)
    return Stage(workspace)


def test_its_words_are_learnt_with_and_missed_by_nobody(stage: Stage) -> None:
    # GIVEN a concept whose name says what its frames show
    concept_id = stage.taught("cone barrier")
    # THEN the name counts beside the marks
    assert stage.call("GET", f"/concepts/{concept_id}").json["latest"]["metrics"]["words_share"] > 0.2
    # WHEN the model is busy
    stage.model.down = True
    assert stage.call("POST", f"/concepts/{concept_id}/train").status == 202
    stage.work()
    # THEN marks are enough
    latest = stage.call("GET", f"/concepts/{concept_id}").json["latest"]
    assert (latest["status"], latest["metrics"]["words_share"]) == ("draft", 0.0)


def test_a_concept_is_taught_shown_and_only_then_kept(stage: Stage) -> None:
    # GIVEN twenty frames marked yes and some no, in two of three videos
    concept_id = stage.taught()
    # WHEN it was trained
    draft = stage.call("GET", f"/concepts/{concept_id}").json
    # THEN its figures are there, and nothing is searched or tagged with it yet
    assert (draft["latest"]["status"], draft["kept_version"], draft["applied"]) == ("draft", None, None)
    assert draft["marks"] == {"yes": 20, "no": 22}
    metrics = draft["latest"]["metrics"]
    assert metrics["precision"] >= 0.7
    assert metrics["recall"] >= 0.7
    assert metrics["precision_range"][0] < metrics["precision"] <= metrics["precision_range"][1] <= 1
    assert (metrics["yes"], metrics["no"], metrics["background"] > 100) == (20, 22, True)
    assert stage.tags(stage.videos[2]) == []
    refused = stage.call("POST", "/search", {"concepts": [{"concept": "roadworks"}]})
    assert refused.status == 422
    # WHEN it is kept
    kept = stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {"bar": 0.5})
    assert (kept.status, kept.json["kept_version"]) == (200, 1), kept.text
    stage.work()
    # THEN everything indexed is tagged, the video without a mark too
    shown = stage.call("GET", f"/concepts/{concept_id}").json
    assert shown["applied"] == {"videos": 3, "of": 3}
    assert stage.tags(stage.videos[2]) == ["concept:roadworks"]
    hits = stage.call("GET", f"/concepts/{concept_id}/hits", query=f"asset_id={stage.videos[2]}").json[
        "items"
    ]
    right = [hit for hit in hits if hit["start_s"] >= 30 and hit["end_s"] <= 42]
    assert hits[0] == right[0]
    assert len(hits) - len(right) <= 2
    assert sum(hit["end_s"] - hit["start_s"] for hit in right) >= 8
    assert all(0.5 <= hit["confidence"] <= 1 for hit in hits)


def test_a_kept_concept_is_searched_alone_and_with_words(stage: Stage) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    for question in (
        {"concepts": [{"concept": "roadworks"}]},
        {"concepts": [{"concept": concept_id}], "text": "cone barrier"},
        {"concepts": [{"concept": "roadworks"}], "filters": {"asset_ids": [str(stage.videos[2])]}},
    ):
        answer = stage.call("POST", "/search", {**question, "limit": 1})
        assert answer.status == 200, answer.text
        (moment,) = answer.json["moments"]
        assert 30 <= moment["peak_s"] < 42, question
    alone = stage.call("POST", "/search", {"concepts": [{"concept": "roadworks"}], "limit": 1}).json
    assert alone["moments"][0]["confidence"] > 0.5
    assert alone["verdict"]["share"] is None
    # AND where most of the footage shows it, and nothing stands out by it, it is found all the same
    index_video(stage.workspace, frames_showing(["cone barrier"] * 400, seed=7), name="roadworks.mp4")
    usual = stage.call("POST", "/search", {"concepts": [{"concept": "roadworks"}], "limit": 1}).json
    assert (usual["verdict"]["found"], usual["verdict"]["share"] > 0.5) == (True, True)
    assert usual["moments"][0]["relevance"] > 0.9


def test_a_new_video_is_tagged_when_it_becomes_ready_and_again_when_it_was_indexed_again(
    stage: Stage,
) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    stage.work()
    new = index_video(stage.workspace, frames_showing(["cone barrier"] * 8 + [""] * 30, seed=9), name="new")
    other = index_video(stage.workspace, frames_showing(["bridge"] * 30, seed=8), name="other")
    for asset_id in (new, other, new):
        applying.apply_kept_concepts(str(stage.workspace.id), asset_id)
    assert (stage.tags(new), stage.tags(other)) == (["concept:roadworks"], [])
    tagged = stage.call("GET", f"/concepts/{concept_id}/assets").json["items"]
    assert {item["asset_name"] for item in tagged} == {"0.mp4", "1.mp4", "2.mp4", "new"}
    assert [item["confidence"] for item in tagged] == sorted((i["confidence"] for i in tagged), reverse=True)
    # Indexed again, it shows it no more.
    with transaction(stage.workspace.id) as conn:
        conn.execute("UPDATE asset SET run = 2, ready_run = 2 WHERE id = %s", (new,))
    index_run(stage.workspace, new, frames_showing([""] * 30, seed=10), run=2)
    applying.apply_kept_concepts(str(stage.workspace.id), new)
    assert stage.tags(new) == []
    assert stage.call("GET", f"/concepts/{concept_id}/hits", query=f"asset_id={new}").json["items"] == []


def test_it_is_corrected_and_taught_again(stage: Stage) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    stage.work()
    # Marks change sides, come and go; the kept version stays until another one is kept.
    changed = stage.call(
        "POST",
        f"/concepts/{concept_id}/marks",
        {"no": stage.frames(0, 30, 33), "yes": stage.frames(2, 30, 42), "remove": stage.frames(0, 0, 2)},
    )
    assert changed.json["marks"] == {"yes": 29, "no": 23}
    stage.call("POST", f"/concepts/{concept_id}/train")
    stage.work()
    now = stage.call("GET", f"/concepts/{concept_id}").json
    assert (now["latest"]["version"], now["latest"]["status"], now["kept_version"]) == (2, "draft", 1)
    assert stage.call("POST", f"/concepts/{concept_id}/versions/2/keep", {"bar": 0.6}).status == 200
    states = stage.call("GET", f"/concepts/{concept_id}/versions").json["items"]
    assert [(one["version"], one["status"]) for one in states] == [(2, "kept"), (1, "retired")]
    marks = stage.call("GET", f"/concepts/{concept_id}/marks", query="limit=7").json
    seen = list(marks["items"])
    while marks["next_cursor"]:
        marks = stage.call(
            "GET", f"/concepts/{concept_id}/marks", query=f"limit=7&cursor={marks['next_cursor']}"
        ).json
        seen += marks["items"]
    assert len({(mark["asset_id"], mark["time_s"]) for mark in seen}) == len(seen) == 52


def test_messages_told_twice_or_late_change_nothing(stage: Stage) -> None:
    concept_id = stage.taught()
    before = stage.call("GET", f"/concepts/{concept_id}/versions/1").json
    again = {"workspace_id": str(stage.workspace.id), "concept_id": concept_id, "version": 1}
    training.train_concept(again)
    assert stage.call("GET", f"/concepts/{concept_id}/versions/1").json == before
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    late = stage.applications.pop()
    stage.call("POST", f"/concepts/{concept_id}/train")
    stage.work()
    stage.call("POST", f"/concepts/{concept_id}/versions/2/keep", {})
    stage.work()
    tagged = stage.call("GET", f"/concepts/{concept_id}/assets").json["items"]
    applying.apply_concept(late, queue=stage.applications)
    assert stage.call("GET", f"/concepts/{concept_id}/assets").json["items"] == tagged
    assert {item["version"] for item in tagged} == {2}
    training.train_concept({**again, "concept_id": str(uuid4())})


def test_a_long_list_of_videos_is_gone_through_page_by_page(stage: Stage) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    first = stage.applications.pop()
    for seed in range(20, 20 + applying.PAGE):
        index_video(stage.workspace, frames_showing(["", ""], seed=seed), name=f"{seed}")
    applying.apply_concept(first, queue=stage.applications)
    (following,) = stage.applications
    assert following["after"]
    stage.work()
    assert stage.call("GET", f"/concepts/{concept_id}").json["applied"] == {"videos": 53, "of": 53}


def test_frames_are_marked_by_tag(stage: Stage) -> None:
    index_video(stage.workspace, frames_showing(["cone barrier"] * 30, seed=3), tags=["works"])
    index_video(stage.workspace, frames_showing([""] * 40, seed=4), tags=["empty road"])
    tags = {"yes_tags": [{"tag": "works", "frames": 12}], "no_tags": [{"tag": "empty road"}]}
    made = stage.call("POST", "/concepts", {"name": "by tag", **tags})
    assert made.json["marks"] == {"yes": 12, "no": 20}, made.text
    unknown = stage.call("POST", f"/concepts/{made.json['id']}/marks", {"yes_tags": [{"tag": "nobody's"}]})
    assert (unknown.status, unknown.json["errors"][0]["field"]) == (422, "body.yes_tags.0")


def test_an_export_is_a_concept_elsewhere(stage: Stage, other_workspace: Workspace) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {"bar": 0.6})
    document = stage.call("GET", f"/concepts/{concept_id}/export").json
    assert (document["format"], document["model"]) == ("sightline-concept/1", {"id": MODEL, "dim": 64})
    assert (len(document["weights"]), len(document["marks"])) == (64, 42)
    other = Stage(other_workspace)
    taken = other.call("POST", "/concepts/import", document)
    assert taken.status == 201, taken.text
    assert (taken.json["marks_kept"], taken.json["marks_left_out"]) == (0, 42)
    there = taken.json["concept"]
    assert (there["latest"]["status"], there["latest"]["metrics"]) == ("draft", None)
    other.call("POST", f"/concepts/{there['id']}/versions/1/keep", {})
    other.work()
    assert other.tags(other.videos[0]) == ["concept:roadworks"]
    assert stage.call("POST", "/concepts/import", document).status == 409
    for broken in (
        {"weights": document["weights"][:-1]},
        {"weights": [0.0] * 64},
        {"curve": {"x": [1, 0], "y": [0, 1]}},
        {"format": "sightline-concept/2"},
    ):
        assert stage.call("POST", "/concepts/import", {**document, "name": "x", **broken}).status == 422


def test_deleting_takes_the_tag_off(stage: Stage) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    stage.work()
    assert stage.call("DELETE", f"/concepts/{concept_id}").status == 204
    assert stage.tags(stage.videos[2]) == []
    assert stage.call("GET", f"/concepts/{concept_id}").status == 404
    assert stage.call("GET", "/concepts").json["items"] == []


def test_what_cannot_be_taught_is_said(stage: Stage) -> None:
    few = stage.call("POST", "/concepts", {"name": "few", "yes": stage.frames(0, 30, 34)}).json["id"]
    answer = stage.call("POST", f"/concepts/{few}/train")
    assert (answer.status, "at least 5" in answer.json["detail"]) == (409, True)
    far = stage.call(
        "POST", f"/concepts/{few}/marks", {"yes": [{"asset_id": str(stage.videos[0]), "time_s": 1000}]}
    )
    assert (far.status, far.json["errors"][0]["field"]) == (422, "body.yes.0")
    assert stage.call("POST", "/concepts", {"name": "few"}).status == 409
    assert stage.call("POST", f"/concepts/{few}/versions/1/keep", {}).status == 404
    assert stage.call("POST", f"/concepts/{few}/apply").status == 409
    # Its marks are there, but their video was indexed with another model.
    foreign = index_video(stage.workspace, frames_showing([""] * 20), model_id="another")
    marks = [{"asset_id": str(foreign), "time_s": at} for at in range(10)]
    stage.call("POST", f"/concepts/{few}/marks", {"yes": marks, "no": stage.frames(0, 0, 3)})
    stage.call("POST", f"/concepts/{few}/train")
    stage.work()
    failed = stage.call("GET", f"/concepts/{few}").json["latest"]
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "too-few-marks")
    assert stage.call("POST", f"/concepts/{few}/versions/1/keep", {}).status == 409


def test_concepts_of_another_workspace_do_not_exist(stage: Stage, other_workspace: Workspace) -> None:
    concept_id = stage.taught()
    stage.call("POST", f"/concepts/{concept_id}/versions/1/keep", {})
    stranger = member_of(other_workspace)
    paths = ("", "/marks", "/versions", "/versions/1", "/hits", "/assets", "/export")
    for path in paths:
        assert stage.call("GET", f"/concepts/{concept_id}{path}", who=stranger).status == 404, path
    assert stage.call("DELETE", f"/concepts/{concept_id}", who=stranger).status == 404
    assert stage.call("GET", "/concepts", who=stranger).json["items"] == []
    marks = {"yes": stage.frames(0, 1, 3)}
    assert stage.call("POST", "/concepts", {"name": "theirs", **marks}, who=stranger).status == 422
    theirs = stage.call("POST", "/search", {"concepts": [{"concept": concept_id}]}, who=stranger)
    assert theirs.status in (200, 422)
    assert theirs.json.get("moments", []) == []


def test_who_may_teach(stage: Stage) -> None:
    assert (
        stage.call("POST", "/concepts", {"name": "x"}, who=member_of(stage.workspace, "viewer")).status == 403
    )
    reader = key_of(stage.workspace, "editor", ("search",))
    assert stage.call("GET", "/concepts", who=reader).status == 200
    assert stage.call("POST", "/concepts", {"name": "x"}, who=reader).status == 403
