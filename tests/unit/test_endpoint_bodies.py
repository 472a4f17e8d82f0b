"""JSON off the wire: what is refused before it is looked at, and what only looks like that."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_endpoint.bodies import LONG, SHOWN, STRINGS, has_many_strings, read_json
from gpu_endpoint.errors import InvalidFieldError
from sightline.contracts.inference import MAX_IMAGES, MAX_TEXTS

pytestmark = pytest.mark.unit


def refusal(body: bytes) -> InvalidFieldError:
    with pytest.raises(InvalidFieldError) as caught:
        read_json(body)
    return caught.value


def with_names(count: int, ending: str = "") -> bytes:
    fields = {f"name-{number}{ending}": 1 for number in range(count)}
    return json.dumps({"texts": ["a"]} | fields).encode()


@pytest.mark.parametrize("ending", ["", "\\", '\\"', '"'])
def test_thousands_of_unknown_names_are_refused_in_one_line(ending: str) -> None:
    body = with_names(4 * STRINGS, ending)
    assert len(body) > LONG
    [fault] = refusal(body).errors
    assert fault == {"field": "body", "message": "has more fields or texts than any request may have"}


def test_hundreds_are_counted_and_not_listed() -> None:
    assert refusal(with_names(700)).errors == [{"field": "body", "message": "700 fields are not valid"}]


def test_of_faults_that_a_person_may_have_made_the_first_are_listed() -> None:
    body = json.dumps({"task": "embed_image", "images": ["no base64!"] * MAX_IMAGES}).encode()
    said = refusal(body)
    assert [fault["field"] for fault in said.errors] == [f"images.{place}" for place in range(SHOWN)]


def test_whole_alerts_as_texts_are_no_more_than_texts() -> None:
    alert = json.dumps({"labels": {f"label {number}": "C:\\" for number in range(100)}})
    body = json.dumps({"task": "classify", "texts": [alert] * MAX_TEXTS}).encode()
    assert len(body) > LONG
    assert len(read_json(body).model_dump()["texts"]) == MAX_TEXTS


@given(st.lists(st.text('"\\a:,{}', max_size=60), min_size=MAX_TEXTS, max_size=MAX_TEXTS))
def test_no_list_of_texts_is_too_many_strings(texts: list[str]) -> None:
    assert not has_many_strings(json.dumps({"texts": texts, "task": "classify", "model": "a"}).encode())
