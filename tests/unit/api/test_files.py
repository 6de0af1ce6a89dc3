"""Links and uploads of the embedded store, which the API serves itself."""

import asyncio
import base64
import hashlib
import resource
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from krai.job import parse_time
from krai.ports import UploadSession
from tests.unit.api.house import House, open_house, problem

CONTENT = bytes(range(256)) * 40


async def link(house: House, name: str = "users.csv", content: bytes = CONTENT, ttl_s: int = 60) -> str:
    path = f"jobs/{'a' * 32}/e1/file"
    stored = house.stores.blobs.stat(path) or await house.store(path, content)
    return house.stores.blobs.link(path, generation=stored.generation, filename=name, ttl_s=ttl_s)


async def get(house: House, url: str, **headers: str) -> httpx.Response:
    return await house.client(None).get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


# -- downloads ------------------------------------------------------------------------------------------------------------------


async def test_a_link_downloads_the_file(house: House) -> None:
    answer = await get(house, await link(house))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-disposition"] == "attachment; filename=\"users.csv\"; filename*=UTF-8''users.csv"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert (answer.headers["accept-ranges"], answer.headers["x-content-type-options"]) == ("bytes", "nosniff")
    assert "no-store" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv.gz", "application/gzip"),
        ("a.ndjson", "application/x-ndjson"),
        ("a.parquet", "application/vnd.apache.parquet"),
        ("manifest.json", "application/json"),
        ("page.html", "application/octet-stream"),
        ("noname", "application/octet-stream"),
    ],
)
async def test_a_file_is_of_a_harmless_type(house: House, name: str, kind: str) -> None:
    assert (await get(house, await link(house, name, b"{}"))).headers["content-type"] == kind


async def test_any_name_is_a_safe_header(house: House) -> None:
    answer = await get(house, await link(house, 'Umsätze "2026"; x=y.csv'))
    expected = "attachment; filename=\"Ums_tze _2026_; x=y.csv\"; filename*=UTF-8''Ums%C3%A4tze%20%222026%22%3B%20x%3Dy.csv"
    assert answer.headers["content-disposition"] == expected


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-0", 0, 0), ("bytes=1000-", 1000, 10239), ("bytes=-1", 10239, 10239), ("bytes=10-999999", 10, 10239), ("BYTES=5-6", 5, 6)],
)
async def test_a_part_of_a_file_is_sent(house: House, asked: str, first: int, last: int) -> None:
    answer = await get(house, await link(house), Range=asked)
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
async def test_a_part_beyond_the_end_is_refused(house: House, asked: str) -> None:
    answer = await get(house, await link(house), Range=asked)
    assert problem(answer, 416) == "range_not_satisfiable"
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-4", "lines=1-2", "bytes=0-1,5-6", "bytes=x-y", "0-5", "bytes=" + "0-1," * 200]
)
async def test_a_range_that_cannot_be_followed_is_ignored(house: House, asked: str) -> None:
    answer = await get(house, await link(house), Range=asked)
    assert (answer.status_code, answer.content) == (200, CONTENT)


async def test_a_part_is_of_the_file_one_knows_or_the_file_is_sent_anew(house: House) -> None:
    url = await link(house)
    tag = (await get(house, url)).headers["etag"]
    assert (await get(house, url, Range="bytes=0-1", If_Range=tag)).status_code == 206
    assert (await get(house, url, Range="bytes=0-1", If_Range='"other"')).content == CONTENT
    assert (await get(house, url, Range="bytes=99999-", If_Range='"other"')).content == CONTENT


async def test_a_head_sends_no_file(house: House) -> None:
    answer = await house.client(None).head(await link(house))
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(CONTENT)))


async def test_an_empty_file_is_a_file(house: House) -> None:
    url = await link(house, content=b"")
    assert (await get(house, url)).content == b""
    assert problem(await get(house, url, Range="bytes=0-"), 416) == "range_not_satisfiable"


async def test_a_link_cannot_be_bent(house: House) -> None:
    url = httpx.URL(await link(house))
    await house.store("sources/secret.csv", b"secret")
    for bent in (
        url.copy_with(query=None),
        url.copy_set_param("expires", "99999999999"),
        url.copy_set_param("filename", "other.csv"),
        url.copy_add_param("filename", "other.csv"),
        url.copy_set_param("signature", "0" * 64),
        url.copy_set_param("generation", "1-1"),
        url.copy_remove_param("generation"),
        url.copy_with(path="/files/sources/secret.csv"),
        url.copy_with(raw_path=b"/files/%2e%2e/%2e%2e/etc/passwd?" + url.query),
        url.copy_with(raw_path=b"/files/%00?" + url.query),
    ):
        answer = await get(house, str(bent))
        assert problem(answer, 403) == "invalid_link"
        assert "secret" not in answer.text.replace("secrets", "")


async def test_a_link_ends(house: House) -> None:
    assert problem(await get(house, await link(house, ttl_s=-1)), 403) == "invalid_link"


async def test_a_link_to_a_deleted_file_leads_nowhere(house: House) -> None:
    url = await link(house)
    house.stores.blobs.delete("jobs/")
    assert problem(await get(house, url), 404) == "not_found"
    # Not even to another file that took its place.
    other = await link(house, content=b"other")
    assert problem(await get(house, url), 404) == "not_found"
    assert (await get(house, other)).content == b"other"


# -- uploads --------------------------------------------------------------------------------------------------------------------


async def open_upload(house: House, **body: Any) -> tuple[str, str]:
    answer = await house.post("uploads", body)
    assert answer.status_code == 201, answer.text
    session = answer.json()
    assert (session["method"], session["protocol"], session["headers"]) == ("PUT", "gcs-resumable", {})
    return session["upload_id"], session["upload_url"]


async def put(house: House, url: str, content: Any = b"", content_range: str | None = None, **headers: str) -> httpx.Response:
    sent = {**headers, **({"content-range": content_range} if content_range else {})}
    return await house.client(None).put(url, content=content, headers=sent)


def arrived(answer: httpx.Response) -> str | None:
    assert answer.status_code == 308, answer.text
    found: str | None = answer.headers.get("range")
    return found


async def stored(house: House, upload_id: str) -> bytes:
    with house.stores.blobs.open(f"uploads/{upload_id}") as file:
        return file.read()


async def test_an_upload_lives_for_a_day(house: House) -> None:
    session = (await house.post("uploads", {"filename": "a.csv", "size_bytes": 3})).json()
    left = parse_time(session["expires_at"]) - house.stores.jobs.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    doc = await house.stores.directory.get("uploads", session["upload_id"])
    assert doc is not None
    assert (doc["owner"], doc["size_bytes"], doc["filename"]) == ("api-key", 3, "a.csv")


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (None, None),
        ("https://app.example.com", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        *(
            (bad, None)
            for bad in ("null", "*", "", "https://a.example/path", "https://a.example https://b.example", "https://a b", "a.example")
        ),
        ("https://" + "a" * 300, None),
    ],
)
async def test_the_store_hears_which_page_will_send(
    house: House, monkeypatch: pytest.MonkeyPatch, sent: str | None, taken: str | None
) -> None:
    open_upload, heard = house.stores.blobs.open_upload, []

    def listening(path: str, **asked: Any) -> UploadSession:
        heard.append(asked["origin"])
        return open_upload(path, **asked)

    monkeypatch.setattr(house.stores.blobs, "open_upload", listening)
    answer = await house.post("uploads", {}, **({} if sent is None else {"origin": sent}))
    assert (answer.status_code, heard) == (201, [taken])


async def test_a_whole_file_in_one_put(house: House) -> None:
    upload_id, url = await open_upload(house)
    answer = await put(house, url, CONTENT)
    assert (answer.status_code, answer.json()) == (200, {"size_bytes": len(CONTENT)})
    assert await stored(house, upload_id) == CONTENT


MD5, OTHER_MD5 = "6AtQFwmJUPxYqtg8jBSXjg==", "AAAAAAAAAAAAAAAAAAAAAA=="  # of abcdef, and of something else
WHOLE, AS_ONE_PIECE, IN_TWO = [(b"abcdef", None)], [(b"abcdef", "bytes 0-5/6")], [(b"abc", "bytes 0-2/6"), (b"def", "bytes 3-5/6")]


@pytest.mark.parametrize(
    ("pieces", "header", "prefix"),
    [
        (WHOLE, "content-md5", ""),
        (AS_ONE_PIECE, "content-md5", ""),
        *((pieces, "x-goog-hash", "crc32c=U7zv8Q==, md5=") for pieces in (WHOLE, AS_ONE_PIECE, IN_TWO)),
    ],
)
async def test_a_file_with_a_digest_is_that_file_or_none(
    house: House, pieces: list[tuple[bytes, str | None]], header: str, prefix: str
) -> None:
    upload_id, url = await open_upload(house)
    for md5, status in ((OTHER_MD5, 422), (MD5, 200)):
        answers = [await put(house, url, content, piece, **{header: prefix + md5}) for content, piece in pieces]
        assert answers[-1].status_code == status
        if status == 422:
            assert problem(answers[-1], 422) == "upload_mismatch"
            assert house.stores.blobs.stat(f"uploads/{upload_id}") is None
    assert await stored(house, upload_id) == b"abcdef"


async def test_the_digest_of_a_piece_is_not_that_of_the_file(house: House) -> None:
    upload_id, url = await open_upload(house)
    for content, piece in IN_TWO:
        await put(house, url, content, piece, **{"content-md5": base64.b64encode(hashlib.md5(content).digest()).decode()})  # noqa: S324
    assert await stored(house, upload_id) == b"abcdef"


async def test_an_empty_file_is_an_upload_too(house: House) -> None:
    upload_id, url = await open_upload(house, size_bytes=0)
    assert (await put(house, url)).status_code == 200
    assert await stored(house, upload_id) == b""


async def test_a_whole_file_of_unknown_length_in_many_chunks(house: House) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield CONTENT

    upload_id, url = await open_upload(house)
    assert (await put(house, url, chunks())).json() == {"size_bytes": 300 * len(CONTENT)}
    assert await stored(house, upload_id) == CONTENT * 300


async def test_a_file_in_pieces(house: House) -> None:
    upload_id, url = await open_upload(house, size_bytes=10)
    assert arrived(await put(house, url, content_range="bytes */10")) is None
    assert arrived(await put(house, url, b"0123", "bytes 0-3/10")) == "bytes=0-3"
    assert arrived(await put(house, url, b"45", "bytes 4-5/*")) == "bytes=0-5"
    assert arrived(await put(house, url, content_range="bytes */10")) == "bytes=0-5"
    assert arrived(await put(house, url, content_range="bytes */*")) == "bytes=0-5"
    assert house.stores.blobs.stat(f"uploads/{upload_id}") is None
    assert (await put(house, url, b"6789", "bytes 6-9/10")).status_code == 200
    assert await stored(house, upload_id) == b"0123456789"


async def test_bytes_that_come_again_are_not_stored_again(house: House) -> None:
    upload_id, url = await open_upload(house)
    assert arrived(await put(house, url, b"01234", "bytes 0-4/10")) == "bytes=0-4"
    assert arrived(await put(house, url, b"0123", "bytes 0-3/10")) == "bytes=0-4"
    assert arrived(await put(house, url, b"3456", "bytes 3-6/10")) == "bytes=0-6"
    assert (await put(house, url, b"0123456789", "bytes 0-9/10")).status_code == 200
    assert await stored(house, upload_id) == b"0123456789"


async def test_the_last_piece_of_an_unknown_whole_names_it(house: House) -> None:
    upload_id, url = await open_upload(house)
    assert arrived(await put(house, url, b"01", "bytes 0-1/*")) == "bytes=0-1"
    assert (await put(house, url, content_range="bytes */2")).status_code == 200
    assert await stored(house, upload_id) == b"01"


async def test_a_gap_is_refused(house: House) -> None:
    _, url = await open_upload(house)
    await put(house, url, b"01", "bytes 0-1/10")
    assert problem(await put(house, url, b"345", "bytes 3-5/10"), 409) == "upload_conflict"
    assert arrived(await put(house, url, content_range="bytes */10")) == "bytes=0-1"


async def test_a_whole_file_does_not_follow_a_piece(house: House) -> None:
    upload_id, url = await open_upload(house)
    await put(house, url, b"01", "bytes 0-1/4")
    assert problem(await put(house, url, b"abcd"), 409) == "upload_conflict"
    assert (await put(house, url, b"23", "bytes 2-3/4")).status_code == 200
    assert await stored(house, upload_id) == b"0123"


async def test_what_is_finished_stays(house: House) -> None:
    upload_id, url = await open_upload(house)
    await put(house, url, b"0123")
    for answer in (
        await put(house, url, content_range="bytes */4"),
        await put(house, url, b"abcd"),
        await put(house, url, b"cd", "bytes 2-3/4"),
    ):
        assert (answer.status_code, answer.json()) == (200, {"size_bytes": 4})
    assert problem(await put(house, url, b"longer"), 409) == "upload_conflict"
    assert await stored(house, upload_id) == b"0123"


async def test_the_agreed_size_is_kept(house: House) -> None:
    _, url = await open_upload(house, size_bytes=4)
    assert problem(await put(house, url, b"01234"), 409) == "upload_conflict"
    assert problem(await put(house, url, b"012"), 409) == "upload_conflict"
    assert problem(await put(house, url, b"01", "bytes 0-1/5"), 409) == "upload_conflict"

    async def chunks() -> AsyncIterator[bytes]:
        yield b"01234"

    assert problem(await put(house, url, chunks()), 409) == "upload_conflict"
    assert (await put(house, url, b"0123")).status_code == 200


@pytest.mark.parametrize(
    "content_range",
    ["", "0-3/4", "bytes 3-0/4", "bytes 0-4/4", "bytes 0-/4", "bytes -3/4", "lines 0-3/4", "bytes 0-3", "bytes 0-3/4, 5-6/7"],
)
async def test_a_content_range_must_make_sense(house: House, content_range: str) -> None:
    _, url = await open_upload(house)
    answer = await house.client(None).put(url, content=b"0123", headers={"content-range": content_range})
    assert problem(answer, 416) == "upload_range"


@pytest.mark.parametrize(("content", "content_range"), [(b"01234", "bytes 0-3/10"), (b"012", "bytes 0-3/10")])
async def test_a_body_is_as_long_as_it_says(house: House, content: bytes, content_range: str) -> None:
    _, url = await open_upload(house)
    assert problem(await put(house, url, content, content_range), 416) == "upload_range"


async def test_a_file_has_its_limit(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_MAX_SOURCE_MB="1") as house:
        assert problem(await house.post("uploads", {"size_bytes": 2**20 + 1}), 422) == "invalid_field"
        _, url = await open_upload(house)
        assert problem(await put(house, url, b"x", f"bytes 0-0/{2**20 + 1}"), 413) == "too_large"

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536

        assert problem(await put(house, url, endless()), 413) == "too_large"


async def test_a_full_disk_is_no_fault_of_the_client(house: House) -> None:
    _, url = await open_upload(house)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        answer = await put(house, url, b"x" * (2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert problem(answer, 503) == "store_busy"
    assert int(answer.headers["retry-after"]) >= 1
    assert (await put(house, url, CONTENT)).status_code == 200


async def test_an_upload_that_breaks_off_keeps_what_has_arrived(house: House) -> None:
    upload_id, url = await open_upload(house, size_bytes=10)
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"01234", "more_body": True}, {"type": "http.disconnect"}]
    target = httpx.URL(url)

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(_: Any) -> None:
        await asyncio.sleep(0)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PUT",
        "scheme": "http",
        "path": target.path,
        "raw_path": target.raw_path,
        "query_string": target.query,
        "root_path": "",
        "headers": [(b"content-length", b"10")],
        "server": ("krai.test", 80),
    }
    await house.app(scope, receive, send)
    assert arrived(await put(house, url, content_range="bytes */10")) == "bytes=0-4"
    assert (await put(house, url, b"56789", "bytes 5-9/10")).status_code == 200
    assert await stored(house, upload_id) == b"0123456789"


async def test_an_upload_cannot_be_bent(house: House) -> None:
    _, url = await open_upload(house, size_bytes=4)
    _, other = await open_upload(house)
    good, foreign = httpx.URL(url), httpx.URL(other)
    for bent in (
        good.copy_with(query=None),
        good.copy_set_param("size", "9"),
        good.copy_with(path=foreign.path),
        good.copy_with(path="/uploads/sources/contacts.csv"),
    ):
        assert problem(await put(house, str(bent), b"0123"), 403) == "invalid_link"
    assert problem(await get(house, url.replace("/uploads/uploads/", "/files/uploads/")), 403) == "invalid_link"


async def test_two_at_once_do_not_mix(house: House) -> None:
    upload_id, url = await open_upload(house)
    first_came, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"0" * (2 << 20)
        first_came.set()
        await go_on.wait()
        yield b"1"

    first = asyncio.create_task(put(house, url, slow()))
    await first_came.wait()
    assert problem(await put(house, url, b"abc"), 409) == "upload_conflict"
    go_on.set()
    assert (await first).status_code == 200
    assert await stored(house, upload_id) == b"0" * (2 << 20) + b"1"


@pytest.mark.parametrize(
    "body", [{"size_bytes": -1}, {"size_bytes": "5"}, {"size_bytes": 1.5}, {"filename": "a/b"}, {"filename": "a\nb"}, {"size_bytes": 2**63}]
)
async def test_an_upload_takes_only_what_it_should(house: House, body: dict[str, Any]) -> None:
    assert problem(await house.post("uploads", body), 422) == "invalid_field"
