"""What blob stores promise whose links and uploads the API answers."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from krai.errors import Terminal
from krai.ports import Blob, BlobStore, OpenUpload, ServedBlobs

MakeFile = Callable[[bytes], Path]


class Served(BlobStore, ServedBlobs, Protocol): ...


@pytest.fixture
def served(open_served: Callable[[], Served]) -> Served:
    return open_served()


def parts(url: str, under: str) -> tuple[str, str]:
    """Path and query as the API gets them."""
    split = urlsplit(url)
    assert split.path.startswith(under)
    return unquote(split.path.removeprefix(under)), split.query


def resolve(served: Served, url: str) -> tuple[Path, str]:
    return served.resolve_link(*parts(url, "/files/"))


def link_to(served: Served, stored: Blob, filename: str = "users.csv", ttl_s: int = 60) -> str:
    return served.link(stored.path, generation=stored.generation, filename=filename, ttl_s=ttl_s)


def resume(served: Served, url: str) -> OpenUpload:
    return served.resume_upload(*parts(url, "/uploads/"))


def paths_of(blobs: BlobStore) -> list[str]:
    return [blob.path for blob in blobs.list("")]


# -- links ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filename", ["users.csv", 'a b&c=d+e%20"/ä\n.csv', "?"])
@pytest.mark.parametrize("path", ["a", "jobs/1/e1/ä b?&#+%41.csv"])
def test_a_link_leads_to_the_file_under_its_name(served: Served, a_file: MakeFile, path: str, filename: str) -> None:
    stored = served.put(path, a_file(b"rows"))
    found, name = resolve(served, served.link(path, generation=stored.generation, filename=filename, ttl_s=60))
    assert found.read_bytes() == b"rows"
    assert name == filename


def test_a_link_holds_for_every_process(open_served: Callable[[], Served], a_file: MakeFile) -> None:
    stored = open_served().put("a", a_file(b""))
    resolve(open_served(), link_to(open_served(), stored))


def test_a_link_ends(served: Served, a_file: MakeFile) -> None:
    link = link_to(served, served.put("a", a_file(b"")), ttl_s=1)
    resolve(served, link)
    time.sleep(1.05)
    with pytest.raises(Terminal, match="invalid_link"):
        resolve(served, link)


def test_a_link_to_a_file_that_is_gone_says_so(served: Served, a_file: MakeFile) -> None:
    link = link_to(served, served.put("a", a_file(b"rows")))
    served.delete("a")
    with pytest.raises(Terminal, match="not_found"):
        resolve(served, link)
    # Nor does it lead to what was put there since.
    again = served.put("a", a_file(b"rows"))
    with pytest.raises(Terminal, match="not_found"):
        resolve(served, link)
    resolve(served, link_to(served, again))


def forgeries(query: str) -> Iterator[str]:
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    expires, generation, claim, signature = (fields[name] for name in ("expires", "generation", "filename", "signature"))
    pinned = f"generation={generation}"
    yield f"expires={int(expires) + 1}&{pinned}&filename={claim}&signature={signature}"
    yield f"expires=0{expires}&{pinned}&filename={claim}&signature={signature}"
    yield f"expires={expires}&{pinned}&filename={claim}x&signature={signature}"
    yield f"expires={expires}&{pinned}&filename=&signature={signature}"
    yield f"expires={expires}&{pinned}0&filename={claim}&signature={signature}"
    yield f"expires={expires}&generation=&filename={claim}&signature={signature}"
    yield f"expires={expires}&generation={claim}&filename={generation}&signature={signature}"
    yield f"expires={expires}&filename={claim}&signature={signature}"
    for bad in (signature[:-1], signature.upper(), "0" * 64, "", "%C3%A9%00", "é", "\ud800", "%ff"):
        yield f"expires={expires}&{pinned}&filename={claim}&signature={bad}"
    yield f"expires={expires}&{pinned}&filename={claim}"
    yield f"expires={expires}&{pinned}&size={claim}&signature={signature}"
    yield f"expires={expires}&{pinned}&{pinned}&signature={signature}"
    yield f"{query}&expires=9999999999"
    yield f"{query}&extra=1"
    yield f"expires=9999999999&{query}"
    yield from ("", "&", "=", "%", ";", "expires", "\x00", "a=" * 100_000)


def test_a_forged_or_garbled_link_is_refused(served: Served, a_file: MakeFile) -> None:
    path, query = parts(link_to(served, served.put("a", a_file(b""))), "/files/")
    served.resolve_link(path, query)
    for forged in forgeries(query):
        with pytest.raises(Terminal, match="invalid_link"):
            served.resolve_link(path, forged)


@pytest.mark.parametrize("path", ["b", "a/", "A", "", "../a", "a\x00", "\ud800", "/a", "é"])
def test_a_link_is_for_its_own_path_alone(served: Served, a_file: MakeFile, path: str) -> None:
    _, query = parts(link_to(served, served.put("a", a_file(b""))), "/files/")
    served.put("b", a_file(b""))
    with pytest.raises(Terminal, match="invalid_link"):
        served.resolve_link(path, query)


def test_a_link_that_reads_does_not_write(served: Served, a_file: MakeFile) -> None:
    _, query = parts(link_to(served, served.put("a", a_file(b"")), filename="9"), "/files/")
    for tried in (query, query.replace("filename", "size"), re.sub("generation=[^&]*&", "", query).replace("filename", "size")):
        with pytest.raises(Terminal, match="invalid_link"):
            served.resume_upload("a", tried)


# -- uploads --------------------------------------------------------------------------------------------------------------------


def test_an_upload_in_pieces_appears_when_it_is_complete(open_served: Callable[[], Served]) -> None:
    served = open_served()
    session = served.open_upload("uploads/1", size_bytes=6, ttl_s=60)
    assert timedelta(seconds=55) < session.expires_at - datetime.now(UTC) <= timedelta(seconds=60)
    for number, piece in enumerate((b"ab", b"cd", b"ef")):
        upload = resume(open_served(), session.url)
        assert (upload.received_bytes, upload.expected_bytes, upload.complete) == (2 * number, 6, False)
        upload.append(piece)
        assert served.stat("uploads/1") is None
        assert paths_of(served) == []
        if number == 2:
            upload.finish()
        upload.close()
    with served.open("uploads/1") as file:
        assert file.read() == b"abcdef"
    assert paths_of(served) == ["uploads/1"]


def test_a_complete_upload_says_so_and_takes_no_more(served: Served) -> None:
    url = served.open_upload("uploads/1", size_bytes=None, ttl_s=60).url
    first = resume(served, url)
    first.append(b"abc")
    first.finish()
    blob = served.stat("uploads/1")
    for upload in (first, resume(served, url)):
        assert (upload.complete, upload.received_bytes, upload.expected_bytes) == (True, 3, None)
        upload.finish()
        with pytest.raises(Terminal, match="upload_conflict"):
            upload.append(b"d")
        upload.close()
    assert served.stat("uploads/1") == blob
    assert served.sweep_uploads(0) == 0


def test_an_upload_that_lacks_bytes_cannot_be_finished(served: Served) -> None:
    url = served.open_upload("uploads/1", size_bytes=3, ttl_s=60).url
    upload = resume(served, url)
    upload.append(b"ab")
    with pytest.raises(Terminal, match="upload_conflict"):
        upload.finish()
    upload.append(b"c")
    upload.finish()
    assert served.stat("uploads/1") is not None


def test_an_upload_takes_no_more_than_was_agreed(served: Served) -> None:
    upload = resume(served, served.open_upload("uploads/1", size_bytes=3, ttl_s=60).url)
    upload.append(b"ab")
    with pytest.raises(Terminal, match="upload_conflict"):
        upload.append(b"cd")
    assert upload.received_bytes == 2
    upload.append(b"c")
    upload.finish()


MD5, CRC32C = "6AtQFwmJUPxYqtg8jBSXjg==", "U7zv8Q=="  # of abcdef


@pytest.mark.parametrize(
    ("digests", "right"),
    [
        ([("md5", MD5), ("crc32c", CRC32C)], True),
        ([("sha1", "of which nothing is known")], True),
        ([("md5", "AAAAAAAAAAAAAAAAAAAAAA==")], False),
        ([("md5", MD5), ("crc32c", "AAAAAA==")], False),
        ([("md5", MD5), ("md5", "AAAAAAAAAAAAAAAAAAAAAA==")], False),
        ([("crc32c", "")], False),
    ],
)
def test_a_file_that_has_not_its_digests_does_not_appear(served: Served, digests: list[tuple[str, str]], *, right: bool) -> None:
    url = served.open_upload("uploads/1", size_bytes=6, ttl_s=60).url
    upload = resume(served, url)
    upload.append(b"abc")
    upload.append(b"def")
    if right:
        upload.finish(digests)
        assert served.stat("uploads/1") is not None
        return
    with pytest.raises(Terminal, match="upload_mismatch"):
        upload.finish(digests)
    upload.close()
    assert served.stat("uploads/1") is None
    again = resume(served, url)
    assert (again.received_bytes, again.complete) == (0, False)
    again.append(b"abcdef")
    again.finish()
    again.close()


def test_an_empty_upload_is_a_file(served: Served) -> None:
    upload = resume(served, served.open_upload("uploads/1", size_bytes=0, ttl_s=60).url)
    upload.finish()
    blob = served.stat("uploads/1")
    assert blob is not None
    assert blob.size_bytes == 0


def test_an_upload_has_one_writer_at_a_time(open_served: Callable[[], Served]) -> None:
    url = open_served().open_upload("uploads/1", size_bytes=3, ttl_s=60).url
    first = resume(open_served(), url)
    with pytest.raises(Terminal, match="upload_conflict"):
        resume(open_served(), url)
    first.append(b"a")
    first.close()
    second = resume(open_served(), url)
    assert second.received_bytes == 1
    with pytest.raises(Terminal, match="upload_conflict"):
        first.append(b"b")
    second.close()


def test_an_upload_closed_in_the_middle_of_a_write_is_whole(served: Served) -> None:
    url = served.open_upload("uploads/1", size_bytes=None, ttl_s=60).url
    for _ in range(20):
        upload = resume(served, url)
        before = upload.received_bytes
        with ThreadPoolExecutor(1) as thread:
            writing = thread.submit(upload.append, b"x" * 1_000_000)
            upload.close()
        upload.close()
        written = 0 if isinstance(writing.exception(), Terminal) else 1_000_000
        again = resume(served, url)
        assert again.received_bytes == upload.received_bytes == before + written
        again.close()


def test_an_upload_does_not_replace_a_file(served: Served, a_file: MakeFile) -> None:
    upload = resume(served, served.open_upload("a", size_bytes=3, ttl_s=60).url)
    upload.append(b"abc")
    blob = served.put("a", a_file(b"first"))
    with pytest.raises(Terminal, match="upload_conflict"):
        upload.finish()
    upload.close()
    assert served.stat("a") == blob


def test_an_upload_is_for_its_own_session_alone(served: Served) -> None:
    path, query = parts(served.open_upload("uploads/1", size_bytes=3, ttl_s=60).url, "/uploads/")
    for forged_path, forged in [
        ("uploads/2", query),
        (path, query.replace("size=3", "size=4")),
        (path, query.replace("size=3", "size=")),
        (path, ""),
    ]:
        with pytest.raises(Terminal, match="invalid_link"):
            served.resume_upload(forged_path, forged)
    with pytest.raises(Terminal, match="invalid_link"):
        served.resume_upload(*parts(served.open_upload("uploads/1", size_bytes=3, ttl_s=0).url, "/uploads/"))
    assert paths_of(served) == []


WRITER = """
import sys
from pathlib import Path
from krai.backends.local.blobs import LocalBlobStore

upload = LocalBlobStore(Path(sys.argv[1]), b"k" * 32).resume_upload("uploads/1", sys.argv[2])
while True:
    upload.append(b"abcdefgh" * 1000)
    print(upload.received_bytes, flush=True)
"""


def test_what_has_arrived_survives_the_death_of_the_server(served: Served, tmp_path: Path) -> None:
    url = served.open_upload("uploads/1", size_bytes=None, ttl_s=60).url
    _, query = parts(url, "/uploads/")
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "blobs", query], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(50)]
        with pytest.raises(Terminal, match="upload_conflict"):
            resume(served, url)
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    assert paths_of(served) == []
    upload = resume(served, url)
    assert upload.received_bytes >= told[-1]
    upload.append(b"end")
    upload.finish()
    with served.open("uploads/1") as file:
        content = file.read()
    assert content[told[-1] - 8 : told[-1]] == b"abcdefgh"
    assert len(content) == upload.received_bytes


def test_uploads_that_nobody_goes_on_with_are_swept(served: Served) -> None:
    left, running, done = (served.open_upload(f"uploads/{n}", size_bytes=2, ttl_s=60).url for n in range(3))
    upload = resume(served, left)
    upload.append(b"a")
    upload.close()
    writing = resume(served, running)
    finished = resume(served, done)
    finished.append(b"ab")
    finished.finish()
    assert served.sweep_uploads(60) == 0
    assert served.sweep_uploads(0) == 1
    upload = resume(served, left)
    assert upload.received_bytes == 0
    upload.close()
    writing.append(b"ab")
    writing.finish()
    assert paths_of(served) == ["uploads/1", "uploads/2"]


def test_a_sweep_takes_nothing_from_who_is_writing(open_served: Callable[[], Served]) -> None:
    served = open_served()
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            open_served().sweep_uploads(0)

    with ThreadPoolExecutor(2) as threads:
        sweeps = [threads.submit(sweep) for _ in range(2)]
        try:
            for number in range(150):
                url = served.open_upload(f"uploads/{number}", size_bytes=1, ttl_s=60).url
                resume_when_free(served, url).close()
                upload = resume_when_free(served, url)
                upload.append(b"a")
                upload.finish()
        finally:
            stop.set()
        for swept in sweeps:
            swept.result()
    assert len(paths_of(served)) == 150


def resume_when_free(served: Served, url: str) -> OpenUpload:
    while True:
        try:
            return resume(served, url)
        except Terminal:
            continue
