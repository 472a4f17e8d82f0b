"""A file beside a request as a form: names in any encoding are read, or refused."""

from contextlib import suppress
from encodings.aliases import aliases

import pytest

from sightline.errors import MalformedRequestError
from sightline.multipart import as_json

pytestmark = pytest.mark.unit

KIND = "multipart/form-data; boundary"
ENCODINGS = sorted({*aliases.values(), "undefined", "nobody", ""})


def form(parameters: str) -> bytes:
    return f"--b-1\r\nContent-Disposition: form-data; {parameters}\r\n\r\nx\r\n--b-1--\r\n".encode()


def folded(kind: str, body: bytes) -> bytes:
    return as_json(kind, body, "file", lambda file: {"file": file})


def test_a_file_becomes_base64() -> None:
    assert folded(f"{KIND}=b-1", form('name="file"; filename="a"')) == b'{"file": "eA=="}'


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_that_say_their_encoding_are_read_or_refused(encoding: str) -> None:
    for kind, said in (
        (f"{KIND}*={encoding}'en'b-1", 'name="file"'),
        (f"{KIND}=b-1", f"name*={encoding}'en'file"),
        (f"{KIND}=b-1", f"filename*={encoding}'en'%ff; name=file"),
    ):
        with suppress(MalformedRequestError):
            assert folded(kind, form(said)) == b'{"file": "eA=="}'


@pytest.mark.parametrize("encoding", ["undefined", "utf-16"])
def test_a_boundary_that_cannot_be_read_is_the_caller_s_fault(encoding: str) -> None:
    with pytest.raises(MalformedRequestError):
        folded(f"{KIND}*={encoding}'en'b-1", form('name="file"'))
