"""The commands for concepts, saved searches and webhooks, against the shipped routes on Postgres."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import boto3
import pytest

from client.cli import run
from sightline.http import as_lambda, create_app
from sightline.outgoing.delivery import deliver
from sightline.outgoing.routes import router as outgoing
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.ports.outgoing import Vault, WebhookSender
from sightline.ports.work import ApplicationQueue, DelayedQueue, TrainingQueue
from sightline.providers.kms import KmsVault
from sightline.providers.webhook_sender import PinnedSender
from sightline.scenarios.concepts.applying import apply_concept
from sightline.scenarios.concepts.routes import router as concepts
from sightline.scenarios.concepts.source import KeptConcepts
from sightline.scenarios.concepts.training import train_concept
from sightline.scenarios.legs import ConceptSource
from sightline.scenarios.routes import router as search
from sightline.scenarios.saved.routes import router as saved
from tests.component.conftest import member_of
from tests.component.footage import MODEL, PaperBlobs, WordEmbedder, frames_showing, index_video
from tests.conftest import Workspace
from tests.gateway import serving
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.component

Command = Callable[..., Any]
DRIVE = ["truck"] * 12 + [""] * 40 + ["truck"] * 8 + [""] * 30


class AtOnce:
    """A queue whose function runs as soon as something is sent."""

    def __init__(self, work: Callable[..., None], **needs: Any) -> None:
        self._work, self._needs = work, needs

    def send(self, message: dict[str, Any], *, delay_s: int = 0) -> None:
        assert delay_s == 0, "nothing fails here"
        self._work(json.loads(json.dumps(message, default=str)), **self._needs)


@pytest.fixture
def sightline(
    workspace: Workspace,
    emulator: str,
    set_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Runs `sightline ... --json` and answers what it printed."""
    set_settings(image_model=MODEL, webhook_loopback=True)
    kms = boto3.client("kms", endpoint_url=emulator)
    vault, sender = KmsVault(kms.create_key()["KeyMetadata"]["KeyId"], kms), PinnedSender(loopback=True)
    applications = AtOnce(lambda message: apply_concept(message, queue=applications))
    deliveries = AtOnce(
        lambda message: deliver(message, vault=vault, sender=sender, queue=deliveries, random=Random(1))
    )
    trainings = AtOnce(train_concept)
    ports: dict[Any, Any] = {
        Embedder: WordEmbedder,
        Blobs: PaperBlobs,
        ConceptSource: KeptConcepts,
        TrainingQueue: lambda: trainings,
        ApplicationQueue: lambda: applications,
        DelayedQueue: lambda: deliveries,
        Vault: lambda: vault,
        WebhookSender: lambda: sender,
    }
    handler = as_lambda(create_app(search, concepts, saved, outgoing, ports=ports))

    def command(*words: str, code: int = 0, plain: bool = False) -> Any:
        capsys.readouterr()
        assert run([*words] if plain else [*words, "--json"]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err if plain else json.loads(printed.out)

    with serving(handler, member_of(workspace)) as url:
        monkeypatch.setenv("SIGHTLINE_API_URL", url)
        monkeypatch.setenv("SIGHTLINE_API_KEY", "slk_tests")
        monkeypatch.setenv("SIGHTLINE_WORKSPACE_ID", str(workspace.id))
        monkeypatch.setenv("SIGHTLINE_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.setenv("COLUMNS", "200")  # long paths do not break what errors say
        yield command


def test_a_concept_from_its_name_to_its_export(
    sightline: Command, workspace: Workspace, tmp_path: Path
) -> None:
    ids = [str(index_video(workspace, frames_showing(DRIVE, seed=seed), name=f"{seed}")) for seed in (1, 2)]
    assert sightline("concepts", "create", "trucks")["marks"] == {"yes": 0, "no": 0}
    yes = [word for at in range(10) for word in ("--yes", f"{ids[0]}@{at}")]
    no = [word for at in range(20, 30) for word in ("--no", f"{ids[0]}@{at}")]
    assert sightline("concepts", "mark", "trucks", *yes, *no)["marks"] == {"yes": 10, "no": 10}
    # By the ranks of an answer that was kept, as `--json` printed it.
    answer = tmp_path / "found.json"
    answer.write_text(json.dumps(sightline("search", "truck", "--asset", ids[1], "--limit", "4")))
    marked = sightline(
        "concepts", "mark", "trucks", "--found", str(answer), "--yes-ranks", "1-2", "--no-ranks", "4"
    )
    assert marked["marks"] == {"yes": 12, "no": 11}
    assert sightline("concepts", "train", "trucks")["status"] == "draft"
    assert "precision" in sightline("concepts", "train", "trucks", plain=True)
    assert sightline("concepts", "keep", "trucks", "--bar", "0.6")["kept_version"] == 2
    (listed,) = sightline("concepts", "list")["items"]
    assert (listed["name"], listed["bar"], listed["applied"]) == ("trucks", 0.6, {"videos": 2, "of": 2})
    assert sightline("concepts", "hits", "trucks")["items"][0]["confidence"] > 0.6
    asked = sightline("search", "--concept", "trucks", "--limit", "2", "--save", "trucks again")
    assert asked["moments"]
    assert sightline("searches", "run", "trucks again")["moments"][0] == asked["moments"][0]
    assert sightline("concepts", "apply", "trucks")["kept_version"] == 2
    document = tmp_path / "trucks.json"
    sightline("concepts", "export", "trucks", "--out", str(document), plain=True)
    assert json.loads(document.read_text())["version"] == 2
    second = sightline("concepts", "import", str(document), "--name", "lorries")
    assert (second["concept"]["name"], second["marks_kept"]) == ("lorries", 23)
    sightline("concepts", "delete", "trucks", "--yes", plain=True)
    assert sightline("concepts", "import", str(document))["marks_kept"] == 23
    (tmp_path / "no.json").write_bytes(b"\xff\xd8")
    assert "not what export writes" in sightline(
        "concepts", "import", str(tmp_path / "no.json"), code=2, plain=True
    )
    assert sightline("concepts", "keep", "nobody", code=4)["error"]["code"] == "not-found"
    assert sightline("concepts", "mark", "trucks", "--yes", "no frame", code=2, plain=True)


def test_a_search_from_the_record_to_its_precision(sightline: Command, workspace: Workspace) -> None:
    index_video(workspace, frames_showing(DRIVE), name="drive")
    asked = sightline("search", "truck", "--limit", "2")
    (recorded,) = sightline("searches", "list")["items"]
    assert recorded["id"] == asked["search_id"]
    assert (
        sightline("searches", "repeat", recorded["id"], "--limit", "1")["moments"][0]["asset_name"] == "drive"
    )
    assert sightline("searches", "save", "trucks", "--search", recorded["id"])["request"]["text"] == "truck"
    assert sightline("searches", "save", "both", "--search", "x", "--text", "y", code=2, plain=True)
    assert sightline("searches", "run", "trucks")["moments"]
    judged = sightline("searches", "label", "trucks", "--right", "1", "--wrong", "2")["precision"]
    assert (judged["labelled"], judged["right"], judged["precision"]) == (4, 2, 0.5)
    told = sightline("searches", "label", "trucks", "--right", "1", plain=True)
    assert "precision at 10: 50 % of 2 labelled; 50 % of 6 labelled over 3 runs" in told
    assert "steps" in sightline("search", "truck", "--then", "road", plain=True)
    assert "truck, then road" in sightline("searches", "list", plain=True)
    assert "no frame meets the filters" in sightline("search", "truck", "--tag", "none", plain=True)
    stands = sightline("searches", "standing", "trucks", "--bar", "0.8")
    assert (stands["standing"], stands["bar"], stands["matched"]) == (True, 0.8, [])
    assert sightline("searches", "standing", "trucks", "--off")["standing"] is False
    assert [one["name"] for one in sightline("searches", "list", "--saved")["items"]] == ["trucks"]
    assert sightline("searches", "analytics")["searches"] == 7
    assert "p95" in sightline("searches", "analytics", plain=True)
    sightline("searches", "delete", "trucks", plain=True)
    assert sightline("searches", "run", "trucks", code=4)["error"]["code"] == "not-found"


def test_a_receiver_from_its_secret_to_a_message_sent_again(sightline: Command) -> None:
    with receiving() as receiver:
        made = sightline("webhooks", "add", receiver.url, "--description", "bot")
        assert made["secret"].startswith("whsec_")
        assert sightline("webhooks", "test", made["id"])["status"] == "delivered"
        (delivery,) = sightline("webhooks", "deliveries", made["id"])["items"]
        sightline("webhooks", "resend", delivery["id"])
        assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
        assert len(receiver.received) == 2
        rotated = sightline("webhooks", "rotate", made["id"], "--keep-old", "60")
        assert (len(rotated["secrets"]), rotated["secret"] != made["secret"]) == (2, True)
        assert sightline("webhooks", "redrive", made["id"])["redriven"] == 0
        (listed,) = sightline("webhooks", "list")["items"]
        assert listed["url"] == receiver.url
        sightline("webhooks", "delete", made["id"], plain=True)
        assert sightline("webhooks", "list")["items"] == []
        assert sightline("webhooks", "add", "ftp://x", code=1)["error"]["code"] == "forbidden-address"
