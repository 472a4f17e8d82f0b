"""What the endpoint says of itself and of each request: tasks, pins, ids, metrics, its OpenAPI document."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    JPEG,
    JSON,
    MAX_IMAGES,
    MULTIPART,
    NPY,
    PNG,
    Call,
    EmbeddingAnswer,
    EmbeddingHeader,
    Fault,
    ImageRequest,
    ModelPin,
    Problem,
    SheetLayout,
    TextRequest,
    decode_npy,
)
from sightline.contracts.inference_answers import ClassesAnswer, EntitiesAnswer
from tests.endpoint_process import EndpointProcess
from tests.pictures import frame, jpeg, sheet

pytestmark = pytest.mark.component

FRAMES = [frame(seed) for seed in range(3)]
BODY, LAYOUT = sheet(FRAMES, columns=3)
MINILM = "all-minilm-l6-v2"
EMBED = "task=embed_image"


@pytest.fixture
def http(inference_endpoint: EndpointProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=inference_endpoint.url, timeout=30) as client:
        yield client


def ask(http: httpx.Client, fields: dict[str, Any], **headers: str) -> httpx.Response:
    return http.post("/invocations", json=fields, headers=headers)


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def images(*files: bytes) -> dict[str, Any]:
    return {"task": "embed_image", "images": [base64.b64encode(file).decode() for file in files]}


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_a_list_of_pictures_gives_one_vector_each_as_their_sheet_does(http: httpx.Client) -> None:
    listed = EmbeddingAnswer.model_validate(ask(http, images(*map(png, FRAMES))).json())
    attributes = {"content-type": JPEG, ATTRIBUTES_HEADER: LAYOUT.to_attributes()}
    tiled = EmbeddingAnswer.model_validate(http.post("/invocations", content=BODY, headers=attributes).json())
    assert len(listed.vectors) == 3
    assert listed.model == tiled.model
    likeness = (np.array(listed.vectors) * np.array(tiled.vectors)).sum(axis=1)
    assert likeness.min() > 0.95  # a PNG against a tile of a JPEG, shrunk in the decoder


def test_a_list_of_pictures_comes_as_npy_too(http: httpx.Client) -> None:
    answer = ask(http, images(png(FRAMES[0]), jpeg(FRAMES[1])), accept=NPY)
    header = EmbeddingHeader.parse(answer.headers[ATTRIBUTES_HEADER])
    assert decode_npy(answer.content, rows=2, dim=header.dim).shape == (2, header.dim)


@pytest.mark.parametrize(("kind", "body"), [(JPEG, jpeg(FRAMES[0])), (PNG, png(FRAMES[0]))])
def test_one_picture_may_be_the_body(http: httpx.Client, kind: str, body: bytes) -> None:
    headers = {"content-type": kind, ATTRIBUTES_HEADER: "task=embed_image"}
    alone = http.post("/invocations", content=body, headers=headers).json()
    assert len(alone["vectors"]) == 1
    assert np.allclose(alone["vectors"], ask(http, images(body)).json()["vectors"], atol=1e-5)


def test_sentences_are_a_task_of_their_own(http: httpx.Client) -> None:
    answer = ask(
        http, {"task": "embed_document", "texts": ["disk full on db-3", "no space left on db-3"]}
    ).json()
    assert (answer["model"], answer["dim"]) == (MINILM, 384)
    first, second = np.array(answer["vectors"])
    assert first @ second > 0.6


def test_alerts_are_tagged_and_classified(http: httpx.Client) -> None:
    texts = ["CRITICAL: checkout-api in eu-west-1, 5xx rate above 5 % for 10 minutes", "deploy done"]
    tagged = EntitiesAnswer.model_validate(ask(http, {"task": "tag_entities", "texts": texts}).json())
    for text, found in zip(texts, tagged.entities, strict=True):
        assert all(text[one.start : one.end] == one.text for one in found)
    assert "eu-west-1" in [one.text for one in tagged.entities[0] if one.label == "region"]
    classified = ClassesAnswer.model_validate(ask(http, {"task": "classify", "texts": texts}).json())
    assert [set(axes) >= {"severity", "category"} for axes in classified.classes] == [True, True]
    assert tagged.dim is classified.dim is None


@pytest.mark.parametrize("length", [1, 255, 256, 300, 9_999])
def test_short_and_long_texts_share_their_vectors_with_whoever_is_beside(
    http: httpx.Client, length: int
) -> None:
    text = ("word " * length)[:10_000]
    together = ask(http, {"task": "embed_document", "texts": ["a van", text, "a truck"]}).json()["vectors"]
    alone = ask(http, {"task": "embed_document", "texts": [text]}).json()["vectors"]
    assert np.allclose(together[1], alone[0], atol=2e-3)


def form(http: httpx.Client, *files: bytes, name: str = "image", attributes: str = EMBED) -> httpx.Response:
    parts = [(name, (f"{place}.bin", file)) for place, file in enumerate(files)]
    return http.post("/invocations", files=parts, headers={ATTRIBUTES_HEADER: attributes})


def test_several_pictures_may_be_the_files_of_a_form(http: httpx.Client) -> None:
    files = [png(FRAMES[0]), jpeg(FRAMES[1]), png(FRAMES[2])]
    answer = form(http, *files)
    assert answer.json() == ask(http, images(*files)).json()
    pinned = form(http, *files, attributes=f"{EMBED};model={answer.json()['model']};dim=9")
    assert code_of(pinned) == (409, "model-mismatch")


def test_a_form_that_cannot_be_read_is_refused(http: httpx.Client) -> None:
    whole = png(FRAMES[0])
    assert code_of(form(http, whole, name="picture")) == (422, "validation-failed")
    assert code_of(form(http, whole, b"no picture")) == (422, "unreadable-image")
    assert code_of(form(http, *[whole] * (MAX_IMAGES + 1))) == (422, "validation-failed")
    assert code_of(form(http, whole, attributes="")) == (400, "malformed-request")
    assert code_of(form(http, whole, attributes=LAYOUT.to_attributes())) == (415, "unsupported-media-type")
    for kind in (MULTIPART, f"{MULTIPART}; boundary=x"):
        headers = {"content-type": kind, ATTRIBUTES_HEADER: EMBED}
        refused = http.post("/invocations", content=b"--y\r\n", headers=headers)
        assert code_of(refused) == (400, "malformed-request")


@pytest.mark.parametrize("task", ["embed_text", "embed_document"])
def test_everything_that_is_answered_can_be_pinned(http: httpx.Client, task: str) -> None:
    said = ask(http, {"task": task, "texts": ["a van"]}).json()
    pins = {name: said[name] for name in ("model", "revision", "precision", "dim")}
    assert ask(http, {"task": task, "texts": ["a van"], **pins}).json() == said
    for name, other in {"model": "other", "revision": "other", "precision": "other", "dim": 7}.items():
        refused = ask(http, {"task": task, "texts": ["a van"], **pins, name: other})
        assert code_of(refused) == (409, "model-mismatch"), name


def test_pins_hold_for_pictures_and_sheets(http: httpx.Client) -> None:
    assert code_of(ask(http, images(png(FRAMES[0])) | {"dim": 9})) == (409, "model-mismatch")
    attributes = LAYOUT.to_attributes(ModelPin(dim=9))
    headers = {"content-type": JPEG, ATTRIBUTES_HEADER: attributes}
    assert code_of(http.post("/invocations", content=BODY, headers=headers)) == (409, "model-mismatch")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"task": "embed_image", "images": []}, 422, "validation-failed"),
        ({"task": "embed_image"}, 422, "validation-failed"),
        ({"task": "embed_image", "images": ["no base64!"]}, 422, "validation-failed"),
        ({"task": "embed_image", "images": [7]}, 422, "validation-failed"),
        ({"task": "embed_image", "images": ["QUJD"] * (MAX_IMAGES + 1)}, 422, "validation-failed"),
        ({"task": "embed_image", "images": ["QUJD"]}, 422, "unreadable-image"),
        ({"task": "embed_image", "texts": ["a"]}, 422, "validation-failed"),
        ({"task": "embed_text", "images": ["QUJD"]}, 422, "validation-failed"),
        ({"task": ["embed_text"], "texts": ["a"]}, 422, "validation-failed"),
        ({"texts": ["a"], "dim": 0}, 422, "validation-failed"),
        ({"texts": ["a"], "dim": "many"}, 422, "validation-failed"),
        ({"texts": ["a"], "model": "../../etc/passwd"}, 422, "validation-failed"),
        ({"task": "embed_document", "texts": ["word " * 100_000]}, 422, "validation-failed"),
        ({"texts": ["a"] * 257}, 422, "validation-failed"),
        (images(png(FRAMES[0])) | {"model": MINILM}, 415, "unsupported-media-type"),
    ],
)
def test_what_no_task_can_take_is_refused(
    http: httpx.Client, fields: dict[str, Any], status: int, code: str
) -> None:
    refused = ask(http, fields)
    assert code_of(refused) == (status, code)
    assert not refused.json()["retryable"]
    assert "passwd" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        b'{"texts": ["\xff\xfe"]}',
        b'{"texts": ["caf\xe9"]}',
        b'{"texts": ["\\ud800"]}',
        b'{"texts": ["a"], "dim": NaN',
        b'{"texts": ["a"]} {}',
    ],
)
def test_what_is_no_utf_8_json_is_refused(http: httpx.Client, body: bytes) -> None:
    refused = http.post("/invocations", content=body, headers={"content-type": JSON})
    assert code_of(refused) == (400, "malformed-request")
    assert refused.json()["detail"] == "the body is not JSON in UTF-8"


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"[1]", "body", "Input should be an object"),
        (b'{"texts": [" "]}', "texts", "a text is blank"),
        (b'{"texts": [7]}', "texts.0", "Input should be a valid string"),
        (
            b'{"task": "dance"}',
            "task",
            "is one of embed_image, embed_text, embed_document, tag_entities, classify",
        ),
    ],
)
def test_a_refusal_names_the_field_and_what_is_wrong_with_it(
    http: httpx.Client, body: bytes, field: str, message: str
) -> None:
    said = http.post("/invocations", content=body, headers={"content-type": JSON}).json()
    assert Problem.model_validate(said).errors == [Fault(field=field, message=message)]
    assert said["detail"] == f"{field}: {message}"


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ufeff", "😀" * 300, "ﷺ" * 900, "\u202e abc", "a" * 10_000])
def test_strange_but_whole_texts_are_embedded(http: httpx.Client, text: str) -> None:
    answer = ask(http, {"texts": [text]})
    assert answer.status_code == 200
    assert np.linalg.norm(answer.json()["vectors"][0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("value", "field"),
    [("NaN", "dim"), ("Infinity", "dim"), ("1e400", "dim"), ("-1", "dim")],
)
def test_numbers_that_are_none_are_refused(http: httpx.Client, value: str, field: str) -> None:
    body = f'{{"texts": ["a"], "{field}": {value}}}'
    refused = http.post("/invocations", content=body, headers={"content-type": JSON})
    assert code_of(refused) == (422, "validation-failed")


@pytest.mark.parametrize(
    ("attributes", "status", "code"),
    [
        ("deadline_ms", 400, "malformed-request"),
        ("deadline_ms=1;deadline_ms=2", 400, "malformed-request"),
        ("deadline_ms=0", 422, "validation-failed"),
        ("deadline_ms=soon", 422, "validation-failed"),
        ("deadline_ms=60001", 422, "validation-failed"),
        ("deadlin_ms=100", 422, "validation-failed"),
        ("request_id=a b", 422, "validation-failed"),
    ],
)
def test_attributes_that_cannot_be_read_are_refused(
    http: httpx.Client, attributes: str, status: int, code: str
) -> None:
    assert code_of(ask(http, {"texts": ["a"]}, **{ATTRIBUTES_HEADER: attributes})) == (status, code)


def test_a_misspelt_attribute_of_a_picture_is_the_one_that_is_named(http: httpx.Client) -> None:
    headers = {"content-type": JPEG, ATTRIBUTES_HEADER: f"{EMBED};revison=r1"}
    said = http.post("/invocations", content=jpeg(FRAMES[0]), headers=headers).json()
    assert said["errors"] == [{"field": "revison", "message": "is no attribute of a picture"}]


def test_a_dimension_pinned_where_there_are_no_vectors_is_refused_in_words(http: httpx.Client) -> None:
    refused = ask(http, {"task": "classify", "texts": ["disk full"], "dim": 12})
    assert code_of(refused) == (409, "model-mismatch")
    assert refused.json()["detail"] == "alert-classes answers no vectors, so none of 12 numbers"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({ATTRIBUTES_HEADER: Call(request_id="from-attributes").to_attributes()}, "from-attributes"),
        ({"X-Amzn-SageMaker-Inference-Id": "inference-1"}, "inference-1"),
        ({"X-Request-Id": "req-1"}, "req-1"),
        ({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, None),
        ({"X-Request-Id": "x" * 500}, None),
        ({"X-Request-Id": 'quoted" injected'}, None),
        ({}, None),
    ],
)
def test_every_answer_carries_the_request_s_id(
    http: httpx.Client, headers: dict[str, str], expected: str | None
) -> None:
    good = ask(http, {"texts": ["a van"]}, **headers)
    bad = ask(http, {"texts": []}, **headers)
    expected = expected or headers.get("traceparent")
    for answer in (good, bad):
        said = answer.headers["x-request-id"]
        assert said == expected or (expected is None and re.fullmatch("[0-9a-f]{32}", said))
    assert bad.json()["request_id"] == bad.headers["x-request-id"]


def test_an_answer_says_where_its_time_went(http: httpx.Client) -> None:
    said = ask(http, {"texts": ["a van"]}).headers["server-timing"]
    stages = dict(part.split(";dur=") for part in said.split(", "))
    assert set(stages) == {"decode", "wait", "forward"}
    assert float(stages["forward"]) > 0


def series(text: str) -> dict[str, float]:
    """Samples of the text format by name and labels."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_prometheus_reads_requests_stages_batches_and_queues(http: httpx.Client) -> None:
    before = series(http.get("/metrics").text)
    ask(http, {"texts": ["a van"]})
    ask(http, {"texts": ["a van"], "dim": 9})
    answer = http.get("/metrics")
    after = series(answer.text)
    of = 'model="scenes-rn-128e"'
    rose = {name for name, value in after.items() if value > before.get(name, 0)}
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f'sightline_requests_total{{{of},status="200",task="embed_text"}}' in rose
    assert f'sightline_requests_total{{{of},status="409",task="embed_text"}}' in rose
    for stage in ("decode", "wait", "forward"):
        assert f'sightline_stage_seconds_count{{{of},stage="{stage}",task="embed_text"}}' in rose
    assert f'sightline_batch_items_count{{{of},task="embed_text"}}' in rose
    assert after[f'sightline_queue_items{{{of},task="embed_text"}}'] == 0


def test_a_caller_cannot_invent_labels(http: httpx.Client) -> None:
    ask(http, {"texts": ["a van"], "model": "invented-by-the-caller"})
    assert "invented-by-the-caller" not in http.get("/metrics").text


def test_the_openapi_document_describes_the_wire(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/ping", "/metrics", "/invocations"} <= set(document["paths"])
    post = document["paths"]["/invocations"]["post"]
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(schemas), "every reference leads somewhere"
    assert set(post["requestBody"]["content"]) == {JSON, JPEG, PNG, "image/webp", MULTIPART}
    assert schemas["TextRequest"]["properties"]["task"]["enum"] == [
        "embed_text",
        "embed_document",
        "tag_entities",
        "classify",
    ]
    assert {"200", "400", "408", "409", "413", "415", "422", "429", "431", "500", "503"} <= set(
        post["responses"]
    )
    assert {status for status, said in post["responses"].items() if "Retry-After" in said["headers"]} == {
        "429",
        "503",
    }
    assert schemas["Problem"]["properties"].keys() >= {"errors", "retry_after_s", "request_id"}
    assert set(document["paths"]["/ping"]["get"]["responses"]) == {"200", "503"}
    [kind] = document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert kind.startswith("text/plain")


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (TextRequest, {"texts": ["a van"]}),
        (ImageRequest, images(png(FRAMES[0]))),
    ],
)
def test_what_the_document_calls_required_is_enough(
    http: httpx.Client, shape: type[TextRequest | ImageRequest], fields: dict[str, Any]
) -> None:
    said = http.get("/openapi.json").json()["components"]["schemas"][shape.__name__]
    assert set(said["required"]) == set(fields)
    assert ask(http, fields).status_code == 200


def test_a_sheet_that_is_no_jpeg_is_refused(http: httpx.Client) -> None:
    layout = SheetLayout(columns=1, tile_width=448, tile_height=256, tiles=1)
    headers = {"content-type": PNG, ATTRIBUTES_HEADER: layout.to_attributes()}
    refused = http.post("/invocations", content=png(FRAMES[0]), headers=headers)
    assert code_of(refused) == (415, "unsupported-media-type")
