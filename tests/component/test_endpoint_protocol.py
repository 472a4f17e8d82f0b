"""The endpoint's own HTTP/1.1: what callers may send, in what pieces, and what becomes of those who leave."""

import asyncio
import json

import pytest

from gpu_endpoint.protocol import HELD_BYTES
from tests.endpoint_connections import GET, POST, Served, answer, asked, closed, run

pytestmark = pytest.mark.component


def test_a_connection_is_used_again() -> None:
    async def scenario(there: Served) -> None:
        streams = await there.connect()
        first = await asked(streams, POST % 3 + b"abc")
        assert first == {
            "method": "POST", "path": "/echo", "http_version": "1.1", "caller": "127.0.0.1",
            "query": "", "size": 3, "last": "c",
        }  # fmt: skip
        second = await asked(streams, GET % b"a%20b?x=1&y=2")
        assert (second["path"], second["query"], second["size"]) == ("/a b", "x=1&y=2", 0)
        assert there.state.total_requests == 2

    run(scenario)


def test_a_request_may_come_in_any_pieces() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        head = b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
        chunked = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        for request in (POST % 5 + b"abcde", chunked):
            for place in range(len(request)):
                writer.write(request[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0)
            status, _, body = await answer(reader)
            assert (status, json.loads(body)["size"], json.loads(body)["last"]) == (200, 5, "e")

    run(scenario)


def test_a_long_body_is_read_as_it_is_wanted() -> None:
    async def scenario(there: Served) -> None:
        size = 40 * HELD_BYTES
        said = await asked(await there.connect(), POST % size + b"x" * (size - 1) + b"z")
        assert (said["size"], said["last"]) == (size, "z")

    run(scenario)


def test_requests_sent_at_once_are_answered_in_order() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        there.app.may_answer.clear()
        writer.write(b"".join(GET % b"%d" % number for number in range(5)) + POST % 2 + b"ab")
        while not there.app.seen:
            await asyncio.sleep(0)
        assert there.app.seen == ["/0"]
        there.app.may_answer.set()
        paths = [json.loads((await answer(reader))[2])["path"] for _ in range(6)]
        assert paths == ["/0", "/1", "/2", "/3", "/4", "/echo"]

    run(scenario)


def test_an_answer_may_come_before_the_body_is_read() -> None:
    async def scenario(there: Served) -> None:
        streams = await there.connect()
        size = 8 * HELD_BYTES
        head = (POST % size).replace(b"/echo", b"/hasty")
        assert (await asked(streams, head + b"x" * 100))["size"] == 0
        assert (await asked(streams, b"x" * (size - 100) + GET % b"next"))["path"] == "/next"

    run(scenario)


@pytest.mark.parametrize("expecting", [b"expect: 100-continue", b"Expect: 100-Continue"])
def test_a_caller_that_asks_first_is_told_to_go_on(expecting: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write((POST % 2).replace(b"\r\n\r\n", b"\r\n" + expecting + b"\r\n\r\n"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert json.loads((await answer(reader))[2])["size"] == 2

    run(scenario)


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"],
)
def test_whoever_wants_one_answer_gets_one(request_bytes: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(request_bytes)
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (200, "close")
        assert await closed(reader)

    run(scenario)


def test_head_has_no_body() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(b"HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: " in head
        assert (await asked((reader, writer), GET % b"b"))["path"] == "/b"

    run(scenario)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"hello\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET http://[half HTTP/1.1\r\nhost: h\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_server_lives_on(nonsense: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(nonsense)
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (400, "close")
        assert await closed(reader)
        assert (await asked(await there.connect(), GET % b"fine"))["path"] == "/fine"

    run(scenario)


def test_nonsense_in_several_pieces_is_refused_once() -> None:
    async def scenario(there: Served) -> None:
        wire, connection = there.wired()
        connection.data_received(b"hello\r\n\r\n")
        connection.data_received(b"hello?\r\n\r\n")
        await asyncio.sleep(0)
        assert (wire.written.count(b"HTTP/1.1 400"), wire.is_open) == (1, False)

    run(scenario)


def test_after_the_last_answer_of_a_connection_nothing_more_is_begun() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        last = b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
        writer.write(last + GET % b"too-late")
        assert json.loads((await answer(reader))[2])["path"] == "/last"
        assert await closed(reader)
        assert there.app.seen == ["/last"]

    run(scenario)


def test_a_body_that_becomes_nonsense_is_refused_and_nobody_waits_for_its_end() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(b"POST /wait HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        while not there.app.seen:
            await asyncio.sleep(0)
        writer.write(b"no length\r\n")
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (400, "close")
        assert await closed(reader)
        while not there.app.left:
            await asyncio.sleep(0)
        assert there.app.left == ["http.disconnect"]

    run(scenario)


@pytest.mark.parametrize("sent", [b"", b"a"])
def test_a_body_that_never_ends_is_not_waited_for(sent: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(POST % 2 + sent)
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (408, "close")
        assert await closed(reader)
        while there.state.tasks:
            await asyncio.sleep(0)

    run(scenario, patience_s=1)


@pytest.mark.parametrize("later", [b"", b"no length\r\n"])
def test_who_was_answered_before_the_end_gets_no_second_answer(later: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(b"POST /hasty HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        assert (await answer(reader))[0] == 200
        writer.write(later)
        assert await closed(reader)

    run(scenario, patience_s=1)


def test_nonsense_after_a_request_does_not_cost_it_its_answer() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        there.app.may_answer.clear()
        writer.write(GET % b"good")
        while not there.app.seen:
            await asyncio.sleep(0)
        writer.write(b"\x00\x01\x02 nonsense\r\n\r\n")
        await writer.drain()
        there.app.may_answer.set()
        assert json.loads((await answer(reader))[2])["path"] == "/good"

    run(scenario)


def test_an_offer_of_another_protocol_is_not_taken() -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (200, "close")

    run(scenario)


@pytest.mark.parametrize("path", [b"break", b"silent", b"forged"])
def test_an_app_that_fails_is_answered_for(path: bytes) -> None:
    async def scenario(there: Served) -> None:
        reader, writer = await there.connect()
        writer.write(GET % path)
        status, headers, body = await answer(reader)
        assert (status, headers["connection"], body) == (500, "close", b"Internal Server Error")
        assert "set-cookie" not in headers
        assert await closed(reader)

    run(scenario)


def test_the_app_hears_of_a_caller_that_leaves() -> None:
    async def scenario(there: Served) -> None:
        _, writer = await there.connect()
        writer.write(GET % b"wait")
        while not there.app.seen:
            await asyncio.sleep(0)
        writer.close()
        while not there.app.left:
            await asyncio.sleep(0)
        assert there.app.left == ["http.disconnect"]
        assert not there.state.connections
        assert (await asked(await there.connect(), GET % b"fine"))["path"] == "/fine"

    run(scenario)


def test_a_connection_at_rest_is_closed_and_one_at_work_is_not() -> None:
    async def scenario(there: Served) -> None:
        there.app.may_answer.clear()
        resting, working = await there.connect(), await there.connect()
        working[1].write(GET % b"slow")
        assert await closed(resting[0])
        there.app.may_answer.set()
        assert json.loads((await answer(working[0]))[2])["path"] == "/slow"
        assert await closed(working[0])

    run(scenario, patience_s=1)


def test_an_end_waits_for_the_answer_under_way() -> None:
    async def scenario(there: Served) -> None:
        there.app.may_answer.clear()
        reader, writer = await there.connect()
        writer.write(GET % b"last")
        while not there.app.seen:
            await asyncio.sleep(0)
        for connection in list(there.state.connections):
            connection.shutdown()
        there.app.may_answer.set()
        status, headers, _ = await answer(reader)
        assert (status, headers["connection"]) == (200, "close")
        while there.state.tasks:
            await asyncio.sleep(0)
        assert await closed(reader)

    run(scenario)


def test_who_reads_slowly_holds_up_only_himself() -> None:
    async def scenario(there: Served) -> None:
        _, slow = await there.connect()
        asking = GET % (b"x" * 4000)
        for _ in range(600):  # 2.4 MB of answers that nobody reads
            slow.write(asking)
        assert (await asked(await there.connect(), GET % b"quick"))["path"] == "/quick"
        slow.close()
        while len(there.state.connections) > 1:
            await asyncio.sleep(0)

    run(scenario)
