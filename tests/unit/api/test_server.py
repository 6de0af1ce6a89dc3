"""The API behind a real server: what only a connection can show."""

import asyncio
import json
import re
import time
from pathlib import Path

import httpx
import pytest

from krai.wiring import protocol
from tests.unit.api.house import KEY, open_house
from tests.unit.api.served import listening, serve

HEAD = "POST /api/v1/exports HTTP/1.1\r\nHost: krai\r\nx-api-key: {key}\r\nContent-Type: application/json\r\n"


async def exchange(port: int, *parts: bytes, answers: int = 1) -> bytes:
    """What comes back for these bytes, which end nothing by themselves, until the server closes, or until so many answers have come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    came = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        while chunk := await asyncio.wait_for(reader.read(65536), 10):
            came += chunk
            if len(re.findall(rb"HTTP/1\.1 \d\d\d", came)) >= answers and came.endswith(b"}"):
                break
    except ConnectionError:
        pass
    finally:
        writer.close()
    return came


async def test_bytes_that_were_promised_and_never_come_time_out(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house, patience_s=0.3) as (_, port, _):
        request = HEAD.format(key=KEY) + "Content-Length: 100\r\n\r\n12345"
        answer = await exchange(port, request.encode(), answers=2)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"request_timeout" in answer
        assert b"connection: close" in answer.lower()
        assert (await exchange(port, request.encode() + b"x" * 95)).startswith(b"HTTP/1.1 400 ")


async def test_an_upload_that_falls_silent_times_out_and_goes_on_later(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house, patience_s=0.3) as (_, port, _):
        url = httpx.URL((await house.post("uploads", {"size_bytes": 10})).json()["upload_url"])
        request = b"PUT " + url.raw_path + b" HTTP/1.1\r\nHost: krai\r\nContent-Length: 10\r\n\r\n01234"
        assert (await exchange(port, request, answers=2)).startswith(b"HTTP/1.1 408 ")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            asked = await client.put(url.raw_path.decode(), headers={"content-range": "bytes */10"})
            assert (asked.status_code, asked.headers["range"]) == (308, "bytes=0-4")
            rest = await client.put(url.raw_path.decode(), content=b"56789", headers={"content-range": "bytes 5-9/10"})
            assert (rest.status_code, rest.json()) == (200, {"size_bytes": 10})


async def test_an_endless_body_is_answered_and_cut_off(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        request = HEAD.format(key=KEY) + "Transfer-Encoding: chunked\r\n\r\n"
        answer = await exchange(port, request.encode(), *[b"400\r\n" + b" " * 1024 + b"\r\n"] * 66, answers=2)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in answer.lower()


async def test_whoever_sends_too_much_still_reads_the_answer(tmp_path: Path) -> None:
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    async with open_house(tmp_path) as house, serve(house) as (_, port, _), httpx.AsyncClient(headers=headers) as client:
        for size_bytes in (70_000, 8_000_000):
            answer = await client.post(f"http://127.0.0.1:{port}/api/v1/exports", content=b" " * size_bytes)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert "connection" not in answer.headers


async def test_a_connection_serves_one_request_after_the_other(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        body = b'{"dataset":"users"}'
        request = (HEAD.format(key=KEY) + f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        answer = await exchange(port, request, request, answers=2)
        assert len(re.findall(rb"HTTP/1\.1 202 ", answer)) == 2


async def test_no_header_can_be_smuggled_in(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        request = f"GET /api/v1/jobs/x%0d%0aSet-Cookie:a HTTP/1.1\r\nHost: krai\r\nx-api-key: {KEY}\r\n\r\n"
        answer = await exchange(port, request.encode())
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"set-cookie" not in answer.lower()


async def test_a_key_that_is_no_text_is_invalid(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        request = b"GET /api/v1/jobs HTTP/1.1\r\nHost: krai\r\nx-api-key: caf\xe9\r\n\r\n"
        answer = await exchange(port, request)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"invalid_key" in answer


async def test_whoever_listens_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, httpx.AsyncClient(headers={"x-api-key": KEY}) as client:
        job_id = await house.submit()
        async with serve(house) as (_, port, stopping), listening(port, job_id) as told:
            waiting = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/api/v1/jobs/{job_id}", headers={"Prefer": "wait=30"}))
            await anext(told)
            await asyncio.sleep(0.2)  # the other one has been sent by then
            stopping.set()
            assert await anext(told, None) is None
            assert (await asyncio.wait_for(waiting, 10)).json()["status"] == "PENDING"


BODY = "x-api-key: {key}\r\nContent-Type: application/json\r\n"
NO_HTTP = {
    "a length and chunks": "Host: x\r\n" + BODY + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "chunks and a length": "Host: x\r\n" + BODY + "Transfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n2\r\n{{}}\r\n0\r\n\r\nGET / H",
    "two lengths": "Host: x\r\n" + BODY + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}x",
    "an unknown coding": "Host: x\r\n" + BODY + "Transfer-Encoding: xchunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
    "a negative length": "Host: x\r\n" + BODY + "Content-Length: -1\r\n\r\n",
    "a folded header": "Host: x\r\nX-A: b\r\n c\r\n\r\n",
    "two hosts": "Host: x\r\nHost: y\r\n\r\n",
    "no host": "X-A: b\r\n\r\n",
    "a space before the colon": "Host: x\r\nX-A : b\r\n\r\n",
    "a NUL": "Host: x\r\nX-A: b\0c\r\n\r\n",
}


@pytest.mark.parametrize("case", NO_HTTP)
async def test_what_is_no_http_is_one_problem_and_the_end_of_the_connection(tmp_path: Path, case: str) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        sent = "POST /api/v1/exports HTTP/1.1\r\n" + NO_HTTP[case].format(key=KEY)
        answer = await exchange(port, sent.encode(), answers=2)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.count(b"HTTP/1.1 ") == 1
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head
        assert b"connection: close" in head
        assert json.loads(body)["code"] == "malformed_request"
        assert json.loads(body)["request_id"].encode() in head


async def test_lines_end_as_http_ends_them(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        assert (await exchange(port, b"GET /healthz HTTP/1.1\nHost: x\n\n", answers=2)).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("first", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /h"])
async def test_a_head_that_does_not_come_ends_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    assert protocol.HEAD_WITHIN_S <= 10
    monkeypatch.setattr(protocol, "HEAD_WITHIN_S", 0.5)
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        began = time.monotonic()
        drops = [first, *[b"a"] * bool(first)]
        answer = await exchange(port, *drops, answers=2)
        assert 0.4 < time.monotonic() - began < 5
        assert answer.count(b"HTTP/1.1 ") == first.count(b"\r\n\r\n")


async def test_a_head_that_has_come_leaves_the_body_its_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_WITHIN_S", 0.2)
    async with open_house(tmp_path) as house, serve(house, patience_s=1.0) as (_, port, _):
        request = HEAD.format(key=KEY) + "Content-Length: 100\r\n\r\n12345"
        assert (await exchange(port, request.encode(), answers=2)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_without_end_is_not_kept(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        answer = await exchange(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", *[b"a" * 8192] * 20, answers=2)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"headers_too_large" in answer


async def test_a_method_that_nobody_knows_is_one_all_the_same(tmp_path: Path) -> None:
    """Also as the second request of a connection, with a body, or in pieces; what is wrong with the rest of it stays wrong."""
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        known, unknown = b"GET /healthz HTTP/1.1\r\nHost: krai\r\n\r\n", b"FOO /healthz HTTP/1.1\r\nHost: krai\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for parts, status in (([known], 200), ([unknown], 405), ([unknown[:20], unknown[20:]], 405), ([known], 200)):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)  # so that it comes by itself
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 %d " % status), head
            assert status == 200 or b"allow: GET, HEAD" in head, head
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
        writer.close()
        wrong = (
            unknown.replace(b"Host: krai", b"Host: krai\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"),
            unknown.replace(b"Host: krai", b"Host: krai\r\nHost: krai"),
            b"\r\n" + unknown,
            unknown + b"BAR /healthz HTTP/1.1\r\nHost: krai\r\n\r\n",
        )
        for request in wrong:
            answer = await exchange(port, request, answers=2)
            assert answer.startswith(b"HTTP/1.1 400 "), answer


async def test_a_body_is_no_request_whatever_follows_it(tmp_path: Path) -> None:
    """Here it is one word by word, comes by itself, and is followed by a method that nobody knows."""
    async with open_house(tmp_path) as house, serve(house) as (_, port, _):
        body = f'{HEAD.format(key=KEY)}Content-Length: 20\r\n\r\n{{"dataset": "users"}}'.encode()
        head = b"PUT /healthz HTTP/1.1\r\nHost: krai\r\nContent-Length: %d\r\n\r\n" % len(body)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in (head, body + b"FOO / HTTP/1.1\r\n\r\n"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.close()
        assert (await house.http.get("/api/v1/jobs")).json()["jobs"] == []
        assert b"202" in (await exchange(port, body))[:20]
