"""How long the endpoint waits for a request, and how much of one it takes that never ends."""

import asyncio
import json

import pytest

from gpu_endpoint.exchange import SLOWEST
from gpu_endpoint.protocol import AHEAD, HELD_BYTES
from gpu_endpoint.refusals import HEAD_BYTES
from tests.endpoint_connections import GET, POST, Hurried, Served, answer, asked, closed, run

pytestmark = pytest.mark.component

CHUNKED = b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
LINE = b"a: " + b"b" * 1000 + b"\r\n"
MANY = HEAD_BYTES // 1000 + 1


async def put_forward(by_s: float) -> None:
    """The loop's time; whose turn has come by then has it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Hurried)
    loop.ahead_s += by_s
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /a HTTP/1.1\r\nhost: h\r\n" + LINE * MANY + b"\r\n"],
        [b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nhost: h\r\n\r\n"],
        [b"GET /a HTTP/1.1\r\nhost: h\r\n"] + [LINE] * MANY,
        [b"GET /a HTTP/1.1\r\nhost: h\r\nendless: "] + [b"b" * 1000] * MANY,
        [b"GET /"] + [b"a" * 1000] * MANY,
        [CHUNKED + b"3\r\nabc\r\n0\r\n"] + [LINE] * MANY,
        [CHUNKED + b"3\r\nabc\r\n0\r\nendless: "] + [b"b" * 1000] * MANY,
    ],
)
def test_headers_without_an_end_are_refused(pieces: list[bytes]) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (431, "close")
        assert await closed(reader)
        while there.state.tasks:
            await asyncio.sleep(0)

    run(scenario)


def test_long_headers_are_read_and_counted_anew_for_each_request() -> None:
    async def scenario(there: Served) -> None:
        streams = await there.connect()
        for _ in range(3):
            streams[1].write(b"GET /a HTTP/1.1\r\nhost: h\r\n" + LINE * (MANY // 2))
            assert (await asked(streams, LINE * (MANY // 2 - 5) + b"\r\n"))["path"] == "/a"

    run(scenario)


def test_what_is_said_after_the_body_is_no_header_of_the_request_nor_of_the_next() -> None:
    async def scenario(there: Served) -> None:
        streams = await there.connect()
        said = await asked(streams, CHUNKED + b"3\r\nabc\r\n0\r\nx-request-id: t\r\nhost: t\r\n\r\n")
        assert (said["size"], there.app.headers) == (3, {"host": "h", "transfer-encoding": "chunked"})
        await asked(streams, GET % b"next")
        assert there.app.headers == {"host": "h"}

    run(scenario)


def test_more_is_read_once_all_but_one_of_those_sent_ahead_are_answered() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        there.app.may_answer.clear()
        connection.data_received(GET % b"first" + GET % b"late" + GET % b"third")
        there.app.may_answer.set()
        await put_forward(0)
        assert (there.app.seen, wire.is_read) == (["/first", "/late"], False)
        there.app.may_read.set()
        await put_forward(0)
        assert (there.app.seen[2:], wire.is_read) == (["/third"], True)

    run(scenario, loop=Hurried)


def test_who_sends_far_ahead_gets_the_first_answer_and_begins_anew() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        connection.data_received(b"".join(GET % b"%d" % number for number in range(2 * AHEAD)))
        await put_forward(0)
        assert (there.app.seen, wire.written.count(b"HTTP/1.1 200 ")) == (["/0"], 1)
        assert b"connection: close" in wire.written
        assert not wire.is_open

    run(scenario, loop=Hurried)


def test_as_many_as_may_be_are_all_answered() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(b"".join(GET % b"%d" % number for number in range(AHEAD)))
        paths = [json.loads((await answer(reader))[2])["path"] for _ in range(AHEAD)]
        assert paths == [f"/{number}" for number in range(AHEAD)]

    run(scenario)


def test_a_body_that_drips_is_not_waited_for() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        connection.data_received(POST % 100)
        for _ in range(4):
            assert wire.is_open
            connection.data_received(b"a")
            await put_forward(0.6)  # before a silent one would have been given up
        assert wire.written.startswith(b"HTTP/1.1 408 ")
        assert (wire.is_open, there.app.read) == (False, 4)

    run(scenario, patience_s=1, loop=Hurried)


def test_a_large_body_may_be_as_slow_as_is_said() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        connection.data_received(POST % (20 * HELD_BYTES))
        for _ in range(20):
            await put_forward(HELD_BYTES / SLOWEST)
            connection.data_received(b"x" * HELD_BYTES)
        await put_forward(0)
        assert wire.written.startswith(b"HTTP/1.1 200 ")

    run(scenario, patience_s=1, loop=Hurried)


@pytest.mark.parametrize("sent", [1, 2 * HELD_BYTES])
def test_a_body_cut_off_behind_another_request_is_not_waited_for(sent: int) -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        there.app.may_answer.clear()
        connection.data_received(GET % b"first")
        await put_forward(0)
        connection.data_received(POST % (sent + 1) + b"a" * sent)
        assert not wire.is_read
        await put_forward(1.1)
        assert (wire.written, wire.is_open) == (b"", True), "it waits for us and not we for it"
        there.app.may_answer.set()
        await put_forward(0)
        assert wire.written.startswith(b"HTTP/1.1 200 ")
        assert (wire.is_read, there.app.read) == (True, sent)
        await put_forward(1.1)
        assert b"HTTP/1.1 408 " in wire.written
        assert not wire.is_open

    run(scenario, patience_s=1, loop=Hurried)


def test_a_body_that_an_app_takes_late_is_waited_for_from_then_on() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        connection.data_received(
            (POST % (3 * HELD_BYTES)).replace(b"/echo", b"/late") + b"a" * 2 * HELD_BYTES
        )
        await put_forward(1.1)
        assert (wire.written, wire.is_read) == (b"", False)
        there.app.may_read.set()
        await put_forward(0)
        assert (wire.is_read, there.app.read) == (True, 2 * HELD_BYTES)
        await put_forward(1.1)
        assert wire.written.startswith(b"HTTP/1.1 408 ")

    run(scenario, patience_s=1, loop=Hurried)
