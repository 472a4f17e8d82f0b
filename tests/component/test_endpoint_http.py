"""The endpoint over HTTP: both addresses, both answer formats, and a plain problem for everything else."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    JPEG,
    JSON,
    MAX_BODY_BYTES,
    NPY,
    PROBLEM,
    EmbeddingAnswer,
    EmbeddingHeader,
    ModelPin,
    Problem,
    SheetLayout,
    decode_npy,
)
from tests.endpoint_process import EndpointProcess
from tests.pictures import frame, sheet

pytestmark = pytest.mark.component

BODY, LAYOUT = sheet([frame(seed) for seed in range(5)], columns=4)


@pytest.fixture
def http(inference_endpoint: EndpointProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=inference_endpoint.url, timeout=30) as client:
        yield client


def post(http: httpx.Client, content: bytes | str, kind: str = JSON, **headers: str) -> httpx.Response:
    return http.post("/invocations", content=content, headers={"content-type": kind, **headers})


def refused(response: httpx.Response, status: int, code: str) -> Problem:
    problem = Problem.model_validate_json(response.content)
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
    assert (problem.status, problem.code, problem.type) == (status, code, f"/problems/{code}")
    return problem


def test_ping_answers_once_a_model_can(http: httpx.Client) -> None:
    assert http.get("/ping").status_code == 200


def test_json_and_npy_carry_the_same_vectors(http: httpx.Client) -> None:
    attributes = {ATTRIBUTES_HEADER: LAYOUT.to_attributes()}
    as_json = EmbeddingAnswer.model_validate_json(post(http, BODY, JPEG, **attributes).content)
    response = post(http, BODY, JPEG, accept=NPY, **attributes)
    header = EmbeddingHeader.parse(response.headers[ATTRIBUTES_HEADER])
    assert response.headers["content-type"] == NPY
    assert header.model_dump() == as_json.model_dump(exclude={"vectors"})
    vectors = decode_npy(response.content, rows=5, dim=header.dim)
    assert np.allclose(vectors, np.array(as_json.vectors), atol=1e-3)


def test_small_answers_do_not_wait_for_an_acknowledgement(http: httpx.Client) -> None:
    took = [http.post("/invocations", json={"texts": ["a van"]}).elapsed.total_seconds() for _ in range(80)]
    assert min(took[40:]) < 0.035  # Linux delays them by 40 ms, once a connection's first are over


def test_boto3_s_address_answers_alike_and_wraps_failures_as_sagemaker_does(http: httpx.Client) -> None:
    path = "/endpoints/any-name/invocations"
    good = http.post(path, json={"task": "embed_text", "texts": ["a van"]})
    assert good.json()["model"] == "scenes-rn-128e"
    bad = http.post(path, json={"texts": []})
    assert (bad.status_code, bad.headers["x-amzn-errortype"]) == (424, "ModelError")
    assert bad.json()["OriginalStatusCode"] == 422
    assert Problem.model_validate_json(bad.json()["OriginalMessage"]).code == "validation-failed"


def test_the_sentence_encoder_is_a_model_of_its_own(http: httpx.Client) -> None:
    answer = http.post("/invocations", json={"texts": ["disk full on db-3"], "model": "all-minilm-l6-v2"})
    assert (answer.json()["dim"], len(answer.json()["vectors"][0])) == (384, 384)
    pin = ModelPin(model="all-minilm-l6-v2")
    refused(
        post(http, BODY, JPEG, **{ATTRIBUTES_HEADER: LAYOUT.to_attributes(pin)}),
        415,
        "unsupported-media-type",
    )


def test_a_pinned_revision_must_be_the_one_served(http: httpx.Client) -> None:
    served = http.post("/invocations", json={"texts": ["a van"]}).json()
    pinned = {"texts": ["a van"], "model": served["model"], "revision": served["revision"]}
    assert http.post("/invocations", json=pinned).json() == served
    other = http.post("/invocations", json=pinned | {"revision": "another"})
    assert served["revision"] in refused(other, 409, "model-mismatch").detail


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b"\xff\xfe", 400, "malformed-request"),
        (b"[" * 100_000, 400, "malformed-request"),
        (b"[]", 422, "validation-failed"),
        (b'{"texts": []}', 422, "validation-failed"),
        (b'{"texts": [" "]}', 422, "validation-failed"),
        (b'{"texts": [7]}', 422, "validation-failed"),
        (b'{"texts": ["a"], "task": "translate"}', 422, "validation-failed"),
        (b'{"texts": ["a"], "secret": "hunter2"}', 422, "validation-failed"),
        (b'{"texts": ["' + b"x" * 10_001 + b'"]}', 422, "validation-failed"),
        (b'{"texts": ["a"], "model": "no-such-model"}', 409, "model-mismatch"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(
    http: httpx.Client, body: bytes, status: int, code: str
) -> None:
    problem = refused(post(http, body), status, code)
    assert not problem.retryable
    assert "hunter2" not in problem.detail


def test_a_text_of_the_full_length_is_cut_to_the_model_s_window(http: httpx.Client) -> None:
    assert http.post("/invocations", json={"texts": ["word " * 2000]}).status_code == 200


@pytest.mark.parametrize(
    ("body", "attributes", "status", "code"),
    [
        (b"no picture", LAYOUT.to_attributes(), 422, "unreadable-image"),
        (BODY[: len(BODY) // 2], LAYOUT.to_attributes(), 422, "unreadable-image"),
        (BODY, LAYOUT.model_copy(update={"tiles": 9}).to_attributes(), 422, "wrong-layout"),
        (BODY, "", 400, "malformed-request"),
        (BODY, "task=embed_image;columns=4", 422, "validation-failed"),
        (BODY, "nonsense", 400, "malformed-request"),
    ],
)
def test_sheets_that_cannot_be_read_are_refused(
    http: httpx.Client, body: bytes, attributes: str, status: int, code: str
) -> None:
    assert not refused(post(http, body, JPEG, **{ATTRIBUTES_HEADER: attributes}), status, code).retryable


def test_an_image_bomb_is_refused(http: httpx.Client) -> None:
    start = BODY.index(b"\xff\xc0")
    bomb = BODY[: start + 5] + (65_000).to_bytes(2, "big") * 2 + BODY[start + 9 :]
    layout = SheetLayout(columns=8, tile_width=2048, tile_height=2048, tiles=64)
    problem = refused(
        post(http, bomb, JPEG, **{ATTRIBUTES_HEADER: layout.to_attributes()}), 422, "unreadable-image"
    )
    assert "pixels" in problem.detail


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused(http: httpx.Client, announced: bool) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    content = body if announced else iter([body[:MAX_BODY_BYTES], body[MAX_BODY_BYTES:]])
    response = http.post("/invocations", content=content, headers={"content-type": JPEG})
    refused(response, 413, "payload-too-large")


def test_other_content_types_addresses_and_methods_are_refused(http: httpx.Client) -> None:
    refused(post(http, b"<a/>", "text/xml"), 415, "unsupported-media-type")
    refused(http.get("/"), 404, "not-found")
    wrong = http.get("/invocations", headers={"x-request-id": "mine"})
    refused(wrong, 405, "method-not-allowed")
    assert wrong.headers["allow"] == "POST"
    assert (wrong.json()["request_id"], wrong.headers["x-request-id"]) == ("mine", "mine")
    unnamed = http.get("/nothing")
    assert unnamed.json()["request_id"] == unnamed.headers["x-request-id"] != ""
