"""Webhooks as their receivers see them: signed, tried again, and never sent to where nobody may look."""

import ipaddress
import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from standardwebhooks.webhooks import Webhook

from local_cloud.certificate import ensure_certificate
from sightline.database import transaction
from sightline.errors import ForbiddenAddressError
from sightline.http import as_lambda, create_app
from sightline.outgoing.delivery import announce, deliver, hand_over
from sightline.outgoing.routes import router
from sightline.ports.outgoing import Posted, Vault, WebhookSender
from sightline.ports.work import DelayedQueue
from sightline.providers.kms import KmsVault
from sightline.providers.webhook_sender import PinnedSender
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.conftest import Workspace
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.component


class Queue:
    """What waits, and for how long."""

    def __init__(self) -> None:
        self.waiting: list[tuple[dict[str, Any], int]] = []

    def send(self, message: dict[str, Any], *, delay_s: int = 0) -> None:
        self.waiting.append((message, delay_s))


@pytest.fixture(scope="module")
def vault(emulator: str) -> KmsVault:
    kms = boto3.client("kms", endpoint_url=emulator)
    return KmsVault(kms.create_key()["KeyMetadata"]["KeyId"], kms)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


class Stage:
    """A workspace with the API of webhooks, and the function behind their queue."""

    def __init__(self, workspace: Workspace, vault: Vault) -> None:
        self.workspace, self.vault, self.queue = workspace, vault, Queue()
        self.sender: WebhookSender = PinnedSender(loopback=True)
        ports: dict[Any, Any] = {
            Vault: lambda: vault,
            DelayedQueue: lambda: self.queue,
            WebhookSender: lambda: self.sender,
        }
        self.handler: Handler = as_lambda(create_app(router, ports=ports))

    def call(
        self, method: str, path: str, body: Any = None, *, query: str = "", who: Any = None, **more: Any
    ) -> Answer:
        principal = who or member_of(self.workspace)
        return call(self.handler, method, f"/v1{path}", body=body, query=query, principal=principal, **more)

    def endpoint(self, url: str) -> dict[str, Any]:
        made = self.call("POST", "/webhook-endpoints", {"url": url})
        assert made.status == 201, made.text
        answer: dict[str, Any] = made.json
        return answer

    def happen(self, occasion: str = "") -> list[UUID]:
        """Something that endpoints are told of."""
        with transaction(self.workspace.id) as conn:
            ids = announce(
                conn,
                workspace_id=self.workspace.id,
                event_type="search.matched",
                data={"what": "Straße"},
                occasion=occasion or uuid4().hex,
            )
        hand_over(self.queue, workspace_id=self.workspace.id, delivery_ids=ids)
        return ids

    def work(self) -> list[int]:
        """One round of the function over what waits now; the pauses that follow."""
        waiting, self.queue.waiting = self.queue.waiting, []
        for message, _ in waiting:
            deliver(message, vault=self.vault, sender=self.sender, queue=self.queue, random=Random(1))
        return [delay_s for _, delay_s in self.queue.waiting]

    def time_passes(self) -> None:
        """Whatever is due later is due now, and every lease has ended."""
        with transaction(self.workspace.id) as conn:
            conn.execute("UPDATE webhook_delivery SET next_attempt_at = now(), leased_until = NULL")

    def delivery(self, delivery_id: UUID | str) -> dict[str, Any]:
        answer = self.call("GET", f"/webhook-deliveries/{delivery_id}")
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found


@pytest.fixture
def stage(workspace: Workspace, vault: KmsVault, set_settings: Callable[..., None]) -> Stage:
    set_settings(webhook_loopback=True)
    return Stage(workspace, vault)


def test_a_message_arrives_signed_and_is_done(stage: Stage, receiver: Receiver) -> None:
    made = stage.endpoint(receiver.url)
    (delivery_id,) = stage.happen()
    assert stage.work() == []
    (received,) = receiver.received
    assert received.path == "/hook?from=sightline"
    message = Webhook(made["secret"]).verify(received.body, received.headers)
    assert (message["type"], message["data"]) == ("search.matched", {"what": "Straße"})
    assert datetime.now(UTC) - datetime.fromisoformat(message["timestamp"]) < timedelta(minutes=1)
    done = stage.delivery(delivery_id)
    assert (done["status"], done["attempts"], done["last_status"]) == ("delivered", 1, 204)
    assert done["message_id"] == received.headers["webhook-id"]
    # Told of again by a message that came twice, it is not sent again.
    stage.queue.send({"workspace_id": str(stage.workspace.id), "delivery_id": str(delivery_id)})
    assert stage.work() == []
    assert len(receiver.received) == 1


def test_what_fails_is_tried_again_with_growing_pauses_until_it_is_given_up(
    stage: Stage, receiver: Receiver
) -> None:
    endpoint_id = stage.endpoint(receiver.url)["id"]
    (delivery_id,) = stage.happen()
    receiver.answers = [(500, {})] * 8
    delays = []
    for _ in range(8):
        delays += stage.work()
        stage.time_passes()
    assert len(receiver.received) == 8
    assert delays[0] in (5, 6)
    # SQS delays by 15 minutes at most: longer pauses take several.
    assert (delays[1] < 400, delays[2:]) == (True, [900] * 5)
    ids = {received.headers["webhook-id"] for received in receiver.received}
    assert len(ids) == 1, "a receiver can tell a repeat"
    failed = stage.delivery(delivery_id)
    assert (failed["status"], failed["attempts"], failed["last_error"]) == (
        "failed", 8, "The receiver answered 500.",
    )  # fmt: skip
    assert [one["status"] for one in failed["history"]] == [500] * 8
    listed = stage.call("GET", f"/webhook-endpoints/{endpoint_id}/deliveries", query="status=failed").json
    assert [item["id"] for item in listed["items"]] == [str(delivery_id)]
    # Its owner begins it again, and it arrives.
    again = stage.call("POST", f"/webhook-endpoints/{endpoint_id}/redrive")
    assert again.json == {"redriven": 1, "more": False}
    stage.work()
    assert stage.delivery(delivery_id)["status"] == "delivered"


def test_a_long_pause_is_hopped_over_and_not_shortened(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    stage.happen()
    receiver.answers = [(503, {"retry-after": "7200"})]
    assert stage.work() == [900]
    assert stage.work() == [900], "it is not due yet"
    assert len(receiver.received) == 1


def test_two_at_once_send_it_once(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    (delivery_id,) = stage.happen()
    message = {"workspace_id": str(stage.workspace.id), "delivery_id": str(delivery_id)}
    sender, other = stage.sender, Queue()

    class Meanwhile:
        """Posts, while a second function takes the same message."""

        def check(self, url: str) -> None:
            sender.check(url)

        def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
            deliver(message, vault=stage.vault, sender=sender, queue=other, random=Random(1))
            return sender.post(url, body=body, headers=headers)

    stage.sender = Meanwhile()
    stage.work()
    assert len(receiver.received) == 1
    # The second comes back when the first would have died, finds it done, and ends.
    ((later, delay_s),) = other.waiting
    assert 50 < delay_s <= 61
    deliver(later, vault=stage.vault, sender=sender, queue=other, random=Random(1))
    assert len(receiver.received) == len(other.waiting) == 1


def test_one_that_died_while_sending_is_taken_over(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    (delivery_id,) = stage.happen()

    class Dies:
        def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
            raise MemoryError(f"{url} {len(body)} {len(headers)}")

    sender, stage.sender = stage.sender, Dies()  # type: ignore[assignment]
    waiting = list(stage.queue.waiting)
    with pytest.raises(MemoryError):
        stage.work()
    stage.sender, stage.queue.waiting = sender, waiting
    (delay_s,) = stage.work()
    assert delay_s > 50
    stage.time_passes()
    stage.work()
    assert (len(receiver.received), stage.delivery(delivery_id)["attempts"]) == (1, 2)


def test_a_secret_is_rotated_without_a_gap(stage: Stage, receiver: Receiver) -> None:
    made = stage.endpoint(receiver.url)
    path = f"/webhook-endpoints/{made['id']}"
    rotated = stage.call("POST", f"{path}/rotate", {"keep_old_s": 3600})
    assert (rotated.status, len(rotated.json["secrets"])) == (201, 2)
    stage.happen()
    stage.work()
    for secret in (made["secret"], rotated.json["secret"]):
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
    # A third ends the first; kept for no time, it stands alone.
    third = stage.call("POST", f"{path}/rotate", {"keep_old_s": 3600}).json
    assert len(third["secrets"]) == 2
    last = stage.call("POST", f"{path}/rotate", {"keep_old_s": 0}).json
    assert len(last["secrets"]) == 1
    stage.happen()
    stage.work()
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1
    Webhook(last["secret"]).verify(receiver.received[1].body, receiver.received[1].headers)


def test_a_secret_is_shown_once_and_lies_sealed_for_its_endpoint_alone(
    stage: Stage, receiver: Receiver, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    made, other = stage.endpoint(receiver.url), stage.endpoint(receiver.url)
    stage.happen()
    stage.work()
    for path in ("/webhook-endpoints", f"/webhook-endpoints/{made['id']}"):
        assert made["secret"] not in stage.call("GET", path).text
    printed = capsys.readouterr()
    assert made["secret"] not in caplog.text + printed.out + printed.err
    with transaction(stage.workspace.id) as conn:
        rows = conn.execute("SELECT endpoint_id, sealed FROM webhook_secret").fetchall()
    (sealed,) = [bytes(row["sealed"]) for row in rows if str(row["endpoint_id"]) == made["id"]]
    assert made["secret"].encode() not in sealed
    where = {"workspace_id": str(stage.workspace.id)}
    assert stage.vault.unseal(sealed, purpose={**where, "endpoint_id": made["id"]}).decode() == made["secret"]
    with pytest.raises(Exception, match="InvalidCiphertext"):
        stage.vault.unseal(sealed, purpose={**where, "endpoint_id": other["id"]})


def test_the_same_idempotency_key_makes_one_endpoint_and_shows_its_secret_once(
    stage: Stage, receiver: Receiver
) -> None:
    headers, body = {"idempotency-key": uuid4().hex}, {"url": receiver.url}
    assert stage.call("POST", "/webhook-endpoints", body, headers=headers).status == 201
    again = stage.call("POST", "/webhook-endpoints", body, headers=headers)
    assert (again.status, again.json["code"]) == (409, "already-created")
    assert len(stage.call("GET", "/webhook-endpoints").json["items"]) == 1


def test_a_redirect_is_not_followed(stage: Stage, receiver: Receiver) -> None:
    stage.endpoint(receiver.url)
    (delivery_id,) = stage.happen()
    receiver.answers = [(302, {"location": receiver.url})]
    stage.work()
    assert (len(receiver.received), stage.delivery(delivery_id)["last_status"]) == (1, 302)


def test_gone_switches_the_endpoint_off(stage: Stage, receiver: Receiver) -> None:
    endpoint_id = stage.endpoint(receiver.url)["id"]
    first, second = stage.happen()[0], stage.happen()[0]
    receiver.answers = [(410, {})]
    stage.work()
    now = stage.call("GET", f"/webhook-endpoints/{endpoint_id}").json
    assert (now["enabled"], now["disabled_reason"]) == (False, "The receiver answered 410 Gone.")
    assert [stage.delivery(one)["status"] for one in (first, second)] == ["cancelled", "cancelled"]
    assert (len(receiver.received), stage.happen()) == (1, [])
    assert stage.call("POST", f"/webhook-endpoints/{endpoint_id}/test").status == 409
    assert stage.call("POST", f"/webhook-deliveries/{second}/resend").status == 409
    # Switched on again, what was given up can be sent after all.
    on = stage.call("PATCH", f"/webhook-endpoints/{endpoint_id}", {"enabled": True}).json
    assert (on["enabled"], on["disabled_reason"]) == (True, None)
    assert stage.call("POST", f"/webhook-deliveries/{second}/resend").status == 202
    stage.work()
    assert stage.delivery(second)["status"] == "delivered"


def test_a_test_message_says_that_it_is_one(stage: Stage, receiver: Receiver) -> None:
    made = stage.endpoint(receiver.url)
    sent = stage.call("POST", f"/webhook-endpoints/{made['id']}/test")
    assert (sent.status, sent.json["status"], sent.json["event_type"]) == (202, "pending", "webhook.test")
    stage.work()
    message = Webhook(made["secret"]).verify(receiver.received[0].body, receiver.received[0].headers)
    assert (message["type"], message["data"]) == ("webhook.test", {"endpoint_id": made["id"]})


def test_only_those_who_asked_for_it_are_told_and_once_for_each_occasion(
    stage: Stage, receiver: Receiver, other_workspace: Workspace, vault: KmsVault
) -> None:
    stage.endpoint(receiver.url)
    off = stage.endpoint(receiver.url)["id"]
    stage.call("PATCH", f"/webhook-endpoints/{off}", {"enabled": False})
    Stage(other_workspace, vault).endpoint(receiver.url)
    first, again = stage.happen("match 1"), stage.happen("match 1")
    assert (len(first), again) == (1, first)
    stage.work()
    assert len(receiver.received) == 1


def test_nothing_listens_and_that_is_said(stage: Stage) -> None:
    stage.endpoint("http://127.0.0.1:1/hook")
    (delivery_id,) = stage.happen()
    assert stage.work() == [5]
    waiting = stage.delivery(delivery_id)
    assert (waiting["status"], waiting["last_status"]) == ("pending", None)
    assert waiting["last_error"] == "No answer: ConnectionRefusedError."
    assert waiting["next_attempt_at"]


def resolver(*addresses: str) -> Any:
    return lambda _host, _port: [ipaddress.ip_address(address) for address in addresses]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["::ffff:169.254.169.254"],
        ["8.8.8.8", "10.0.0.8"],
        ["fd00::1"],
    ],
)
def test_names_that_lead_inside_are_refused_when_made_and_when_sent(addresses: list[str]) -> None:
    sender = PinnedSender(resolve=resolver(*addresses))
    with pytest.raises(ForbiddenAddressError):
        sender.check("https://inside.example.com/")
    posted = sender.post("https://inside.example.com/", body=b"{}", headers={})
    assert (posted.status, posted.error) == (None, "The host is not on the public internet.")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://[::1]/",
        "https://localhost/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:7f00:1]/", "https://0/",
    ],
)  # fmt: skip
def test_this_machine_by_any_name_is_refused(
    stage: Stage, set_settings: Callable[..., None], url: str
) -> None:
    """Through the system's own resolver, which reads numbers of every kind."""
    set_settings(webhook_loopback=False)
    stage.sender = PinnedSender()
    answer = stage.call("POST", "/webhook-endpoints", {"url": url})
    assert (answer.status, answer.json["code"]) == (422, "forbidden-address"), answer.text
    assert url not in answer.text, "input is not echoed"


def test_the_address_that_was_checked_is_the_one_connected_to(receiver: Receiver) -> None:
    """A name that answers differently the second time gains nothing: it is asked once."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[Any]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    port = receiver.url.split(":")[2].split("/")[0]
    sender = PinnedSender(loopback=True, resolve=rebinding)
    posted = sender.post(f"http://hooks.test:{port}/", body=b"{}", headers={})
    assert (posted.status, asked) == (204, ["hooks.test"])
    assert receiver.received[0].headers["host"] == f"hooks.test:{port}"


def test_a_receiver_that_says_nothing_or_too_much_is_left(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from sightline.providers import webhook_sender

    monkeypatch.setattr(webhook_sender, "DEADLINE_S", 0.3)
    receiver.silence = threading.Event()
    posted = PinnedSender(loopback=True).post(receiver.url, body=b"{}", headers={})
    assert (posted.status, posted.error) == (None, "No answer in time.")
    assert posted.took_ms < 5000


def test_a_certificate_must_be_the_host_s_and_from_somebody_who_is_trusted(tmp_path: Path) -> None:
    files = ensure_certificate(tmp_path)
    ours = ssl.create_default_context(cafile=str(files.authority))
    here = resolver("127.0.0.1")
    with receiving(certificate=(files.chain, files.key)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]

        def post(host: str, context: ssl.SSLContext | None) -> Posted:
            sender = PinnedSender(loopback=True, resolve=here, context=context)
            return sender.post(f"https://{host}:{port}/", body=b"{}", headers={})

        assert post("localhost", ours).status == 204
        assert receiver.received[0].headers["host"] == f"localhost:{port}"
        refused = "The certificate is not valid for this host."
        assert (post("hooks.test", ours).error, post("localhost", None).error) == (refused, refused)


def test_endpoints_are_changed_listed_and_forgotten(stage: Stage, receiver: Receiver) -> None:
    ids = [stage.endpoint(receiver.url)["id"] for _ in range(3)]
    first = stage.call("GET", "/webhook-endpoints", query="limit=2").json
    rest = stage.call("GET", "/webhook-endpoints", query=f"limit=2&cursor={first['next_cursor']}").json
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    changed = stage.call("PATCH", f"/webhook-endpoints/{ids[0]}", {"description": "bot"}).json
    assert (changed["description"], changed["url"]) == ("bot", receiver.url)
    assert stage.call("PATCH", f"/webhook-endpoints/{ids[0]}", {}).status == 200
    bad = stage.call("PATCH", f"/webhook-endpoints/{ids[0]}", {"url": "ftp://x"})
    assert bad.json["code"] == "forbidden-address"
    deliveries = stage.happen()
    assert stage.call("DELETE", f"/webhook-endpoints/{ids[0]}").status == 204
    assert stage.call("GET", f"/webhook-endpoints/{ids[0]}").status == 404
    stage.work()
    assert len(receiver.received) == 2
    assert len(deliveries) == 3


def test_another_workspace_sees_and_reaches_nothing(
    stage: Stage, receiver: Receiver, other_workspace: Workspace
) -> None:
    endpoint_id = stage.endpoint(receiver.url)["id"]
    (delivery_id,) = stage.happen()
    stranger = member_of(other_workspace)
    for method, path, body in (
        ("GET", f"/webhook-endpoints/{endpoint_id}", None),
        ("PATCH", f"/webhook-endpoints/{endpoint_id}", {"enabled": False}),
        ("POST", f"/webhook-endpoints/{endpoint_id}/rotate", {}),
        ("POST", f"/webhook-endpoints/{endpoint_id}/test", None),
        ("GET", f"/webhook-endpoints/{endpoint_id}/deliveries", None),
        ("POST", f"/webhook-endpoints/{endpoint_id}/redrive", None),
        ("GET", f"/webhook-deliveries/{delivery_id}", None),
        ("POST", f"/webhook-deliveries/{delivery_id}/resend", None),
        ("DELETE", f"/webhook-endpoints/{endpoint_id}", None),
    ):
        assert stage.call(method, path, body, who=stranger).status == 404, path
    assert stage.call("GET", "/webhook-endpoints", who=stranger).json["items"] == []
    # Nor does a message of the other workspace, forged into the queue.
    message = {"workspace_id": str(other_workspace.id), "delivery_id": str(delivery_id)}
    deliver(message, vault=stage.vault, sender=stage.sender, queue=stage.queue, random=Random(1))
    assert receiver.received == []


def test_who_may_manage_webhooks(stage: Stage, receiver: Receiver) -> None:
    body = {"url": receiver.url}
    assert (
        stage.call("POST", "/webhook-endpoints", body, who=member_of(stage.workspace, "editor")).status == 403
    )
    assert stage.call("GET", "/webhook-endpoints", who=member_of(stage.workspace, "editor")).status == 200
    assert stage.call("GET", "/webhook-endpoints", who=member_of(stage.workspace, "viewer")).status == 403
    key = key_of(stage.workspace, "admin", ("search",))
    assert stage.call("POST", "/webhook-endpoints", body, who=key).status == 403
    assert json.loads(stage.call("POST", "/webhook-endpoints", {"url": "x", "a": 1}).text)["code"]
