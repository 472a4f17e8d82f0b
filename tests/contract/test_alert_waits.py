"""What an endpoint that takes calls and answers none costs the alerts that wait behind it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from infra_cdk.incidents import TRIAGE_TIMEOUT_S
from infra_cdk.media_pipeline import STEP
from infra_cdk.queues import BATCH_SIZE
from sightline.errors import EndpointUnavailableError
from sightline.incidents.judging import EACH_S, JUDGED_WITHIN_S, Judges
from sightline.incidents.schemas import NewAlert
from sightline.providers.circuit import Circuit
from sightline.providers.sagemaker import ALERTS, SHEETS, SageMakerEmbedder
from sightline.providers.sagemaker_texts import SageMakerClassifier, SageMakerTagger
from sightline.wiring import alert_circuit
from tests.contract.test_embedder_failures import Hanging, Runtime, hanging, runtime  # noqa: F401 - fixtures

pytestmark = pytest.mark.contract

SHORT = replace(ALERTS, within_s=0.1, read_s=0.08, connect_s=0.02)
ENDPOINT = "sightline-test"


@pytest.fixture
def judges() -> Iterator[Judges]:
    """As alerts have them, with a hundredth of the patience; once open, their circuit stays so."""
    circuit = Circuit(replace(alert_circuit().limits, open_s=60, longest_s=60))
    with ExitStack() as stack:
        yield Judges(
            classifier=stack.enter_context(closing(classifier(circuit))),
            tagger=stack.enter_context(closing(tagger(circuit))),
            embedder=stack.enter_context(
                closing(
                    SageMakerEmbedder(
                        endpoint_name=ENDPOINT,
                        model="minilm",
                        task="embed_document",
                        patience=SHORT,
                        circuit=circuit,
                    )
                )
            ),
        )


def classifier(circuit: Circuit | None = None) -> SageMakerClassifier:
    return SageMakerClassifier(endpoint_name=ENDPOINT, model="alerts", patience=SHORT, circuit=circuit)


def tagger(circuit: Circuit | None = None) -> SageMakerTagger:
    return SageMakerTagger(endpoint_name=ENDPOINT, model="alerts", patience=SHORT, circuit=circuit)


def alert(title: str) -> NewAlert:
    return NewAlert(external_id="1", title=title)


def test_a_hang_costs_one_wait_and_the_next_alerts_none(judges: Judges, hanging: Hanging) -> None:  # noqa: F811
    for title in ("disk full on db-3", "disk full on db-4", "disk full on db-5"):
        (verdict,) = judges.judge([alert(title)])
        assert (verdict.degraded, verdict.vector, verdict.labels["category"].by) == (True, None, "rule")
    assert hanging.calls == 1


@pytest.mark.parametrize(
    ("left_s", "wait_s"), [(60, 4), (5, 4), (4.9, 3.5), (3, 2), (1.5, 0.5), (1.4, 0), (1, 0), (-1, 0)]
)
def test_an_answer_is_waited_for_as_long_as_the_time_left_allows(left_s: float, wait_s: float) -> None:
    assert ALERTS.wait_s(left_s) == wait_s
    assert not wait_s or ALERTS.connect_s + wait_s <= left_s


def test_who_has_no_time_left_asks_nobody(hanging: Hanging) -> None:  # noqa: F811
    with closing(tagger()) as asked, pytest.raises(EndpointUnavailableError, match="no time left"):
        asked.tag(["db-3 is down"], within_s=0.01)
    assert hanging.calls == 0


def test_many_texts_go_in_calls_that_none_needs_long_for(runtime: Runtime) -> None:  # noqa: F811
    runtime.status, runtime.body = (
        200,
        b'{"model":"m","revision":"r","precision":"p","dim":null,"classes":[]}',
    )
    with closing(classifier()) as asked, pytest.raises(Exception, match="0 times for 70"):
        asked.classify(["db-3 is down"] * 70, within_s=60)
    assert runtime.calls == 3


def test_a_function_has_time_for_what_its_work_may_wait() -> None:
    a_delivery_s = JUDGED_WITHIN_S + EACH_S
    assert BATCH_SIZE * a_delivery_s + ALERTS.read_s < TRIAGE_TIMEOUT_S
    assert SHEETS.within_s + SHEETS.connect_s < STEP["timeout_s"]
