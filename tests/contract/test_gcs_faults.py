"""Cloud Storage that is slow, silent, overloaded or cut off in the middle: what was put stands there once, as it was sent."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import pytest

from krai.backends.google import bucket, reading, trying, uploading
from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.signing import LinkSigner
from krai.errors import Transient
from krai.job import new_id
from krai.ports import Blob
from scripts import provision
from scripts.emulators import Emulators
from tests.faulty_proxy import Fault, FaultyProxy

MakeFile = Callable[[bytes], Path]
KIB = 1 << 10
CONTENT = os.urandom(900 * KIB)
LOST = Fault(answered=0)  # carried out, and nobody learns of it
BROKEN = Fault(sent=400 * KIB)
STALLED = Fault(sent=400 * KIB, hangs=True)
SILENT = Fault(answered=0, hangs=True)
BUSY = Fault(status=503)
ANY = {
    "lost": [LOST],
    "broken": [BROKEN],
    "stalled": [STALLED],
    "silent": [SILENT],
    "busy": [BUSY] * 3,
    "told to wait": [Fault(status=408), Fault(status=429), Fault(status=500)],
    "all": [BROKEN, LOST, BUSY, SILENT],
}
IN_PARTS = {
    name: [Fault(fault.sent and 40 * KIB, fault.answered, fault.hangs, fault.status) for fault in faults] for name, faults in ANY.items()
}


@dataclass(frozen=True)
class Bench:
    blobs: GcsBlobStore  # through the proxy
    sound: GcsBlobStore  # past it
    proxy: FaultyProxy
    names: Callable[[], list[str]]  # of all objects in the bucket

    def content(self, path: str) -> bytes:
        with self.sound.open(path) as file:
            return file.read()

    def check(self, blob: Blob, source: Path, content: bytes = CONTENT) -> None:
        """It stands there once, whole, and nothing else does."""
        stored = self.content(blob.path)
        assert google_crc32c.value(stored) == google_crc32c.value(content)
        assert stored == content
        assert self.sound.stat(blob.path) == blob
        assert self.names() == [blob.path]
        assert not source.exists()
        assert self.proxy.failed


@pytest.fixture
def bench(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """With an impatient krai, and small parts and chunks."""
    monkeypatch.setattr(trying, "FIRST_WAIT_S", 0.01)
    for asked in (bucket.ONCE, uploading.NEW):
        monkeypatch.setitem(asked, "timeout", (2, 0.7))
    monkeypatch.setattr(reading, "CHUNK_BYTES", 200 * KIB)
    name = f"krai-{new_id()}"
    provision.bucket(f"http://{emulators.storage.host}", "krai", name)
    signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
    with FaultyProxy(emulators.storage.host, http=True) as proxy:
        through, past = (
            GcsBlobStore(name, project="krai", emulator=f"http://{host}", signer=signer) for host in (proxy.host, emulators.storage.host)
        )
        remote = bucket.Bucket(name, project="krai", emulator=f"http://{emulators.storage.host}")
        yield Bench(through, past, proxy, lambda: [found.name for found in remote.walk("")])


# -- putting --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faults", ANY.values(), ids=ANY)
def test_a_file_that_is_put_against_all_odds(bench: Bench, a_file: MakeFile, faults: list[Fault]) -> None:
    source = a_file(CONTENT)
    bench.proxy.fail(*faults, only="^POST /upload")
    bench.check(bench.blobs.put("jobs/1/e1/a", source), source)


def test_a_slow_server_is_waited_for(bench: Bench, a_file: MakeFile) -> None:
    source = a_file(CONTENT)
    bench.proxy.delay_s = 0.02  # for 64 KiB
    bench.check(bench.blobs.put("a", source), source)
    assert len(bench.proxy.requests) == 1
    with bench.blobs.open("a") as file:
        assert file.read() == CONTENT


def test_after_a_lost_answer_another_s_file_is_not_taken_for_one_s_own(bench: Bench, a_file: MakeFile) -> None:
    first = bench.sound.put("a", a_file(b"another"))
    source = a_file(b"mine, longer")
    bench.proxy.fail(Fault(sent=100), only="^POST /upload")
    with pytest.raises(FileExistsError):
        bench.blobs.put("a", source)
    assert bench.proxy.failed
    assert source.exists()
    assert (bench.sound.stat("a"), bench.content("a")) == (first, b"another")


@pytest.mark.parametrize("faults", IN_PARTS.values(), ids=IN_PARTS)
def test_a_large_file_loses_no_more_than_a_part(
    bench: Bench, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch, faults: list[Fault]
) -> None:
    monkeypatch.setattr(uploading, "PART_BYTES", 100 * KIB)
    source = a_file(CONTENT)
    bench.proxy.fail(*faults, only="^POST /upload")
    bench.check(bench.blobs.put("jobs/1/e1/a", source), source)
    assert len([line for line in bench.proxy.requests if line.startswith("POST /upload")]) == 9 + len(faults)


@pytest.mark.parametrize("faults", [[LOST], [SILENT], [BUSY] * 3, [LOST, Fault(status=412)]], ids=["lost", "silent", "busy", "taken"])
def test_parts_are_joined_although_the_answer_is_lost(
    bench: Bench, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch, faults: list[Fault]
) -> None:
    """412 is how Cloud Storage itself answers who asks again; its double would join the parts once more."""
    monkeypatch.setattr(uploading, "PART_BYTES", 25 * KIB)  # 36 of them: more than one request joins
    source = a_file(CONTENT)
    bench.proxy.fail(*faults, only="^POST .*/a/compose")
    bench.check(bench.blobs.put("a", source), source)
    asked_again = len([fault for fault in faults if fault.status != 412])
    assert len([line for line in bench.proxy.requests if "compose" in line]) == 3 + asked_again


def test_a_large_file_is_not_put_over_another(bench: Bench, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "PART_BYTES", 100 * KIB)
    first, source = bench.sound.put("a", a_file(b"first")), a_file(CONTENT)
    with pytest.raises(FileExistsError):
        bench.blobs.put("a", source)
    assert not [line for line in bench.proxy.requests if line.startswith("POST")]
    bench.sound.delete("a")
    bench.proxy.fail(Fault(status=412), only="compose")  # somebody was faster while the parts were sent
    with pytest.raises(FileExistsError):
        bench.blobs.put("a", source)
    assert bench.names() == []
    assert source.exists()
    assert bench.blobs.put("a", source).generation != first.generation


def test_a_server_that_stays_away_is_said_to_be_busy(bench: Bench, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    source = a_file(CONTENT)
    for part_bytes in (len(CONTENT), 100 * KIB):
        monkeypatch.setattr(uploading, "PART_BYTES", part_bytes)
        bench.proxy.fail(*[BUSY] * trying.TRIES * 4, only="^POST /upload")
        with pytest.raises(Transient, match="store_busy"):
            bench.blobs.put("a", source)
        assert source.exists()
        bench.proxy.mend()  # the other threads had not asked often enough
        bench.sound.delete("a")  # the parts that had arrived: they are there until somebody deletes what they would have become
    bench.check(bench.blobs.put("b", source), source)


def test_what_is_refused_is_not_asked_again(bench: Bench, a_file: MakeFile) -> None:
    bench.proxy.fail(Fault(status=403), only="^POST")
    with pytest.raises(Transient, match="store_busy"):
        bench.blobs.put("a", a_file(b""))
    assert len(bench.proxy.requests) == 1


# -- reading --------------------------------------------------------------------------------------------------------------------

CUT_SHORT = Fault(answered=100 * KIB)
READS = {
    "broken": [CUT_SHORT] * 2,
    "lost": [LOST],
    "stalled": [Fault(answered=100 * KIB, hangs=True)],
    "busy": [BUSY] * 3,
    "all": [CUT_SHORT, BUSY, SILENT],
}


@pytest.mark.parametrize("faults", READS.values(), ids=READS)
def test_a_file_is_read_on_where_the_connection_broke(bench: Bench, a_file: MakeFile, faults: list[Fault]) -> None:
    blob = bench.sound.put("a", a_file(CONTENT))
    with bench.blobs.open("a", generation=blob.generation) as file:
        assert file.read(300 * KIB) == CONTENT[: 300 * KIB]
        bench.proxy.fail(*faults, only="^GET .*alt=media")
        assert file.read() == CONTENT[300 * KIB :]
    assert bench.proxy.failed
    assert len([line for line in bench.proxy.requests if "alt=media" in line]) == 5 + len(faults)


def test_of_a_part_no_more_is_fetched(bench: Bench, a_file: MakeFile) -> None:
    bench.sound.put("a", a_file(CONTENT))
    with bench.blobs.open("a") as file:
        file.seek(300 * KIB)
        assert file.read1(10) == CONTENT[300 * KIB :][:10]
    assert f"range: bytes={300 * KIB}-{300 * KIB + 9}" in bench.proxy.heads[-1].lower().splitlines()


def test_reading_gives_up_when_the_server_stays_away(bench: Bench, a_file: MakeFile) -> None:
    bench.sound.put("a", a_file(CONTENT))
    with bench.blobs.open("a") as file:
        bench.proxy.fail(*[BUSY] * trying.TRIES, only="alt=media")
        with pytest.raises(Transient, match="store_busy"):
            file.read(1)
        assert file.read(4) == CONTENT[:4]


# -- all else -------------------------------------------------------------------------------------------------------------------


def test_looking_listing_and_deleting_pass_over_faults(bench: Bench, a_file: MakeFile) -> None:
    for name in "abc":
        bench.sound.put(f"jobs/1/{name}", a_file(b""))
    bench.proxy.fail(LOST, BUSY, SILENT, only="^GET")
    assert bench.blobs.stat("jobs/1/a") is not None
    bench.proxy.fail(LOST, BUSY, Fault(answered=300), only="^GET")
    assert [blob.path for blob in bench.blobs.list("jobs/")] == ["jobs/1/a", "jobs/1/b", "jobs/1/c"]
    bench.proxy.fail(LOST, LOST, BUSY, only="^DELETE")
    assert bench.blobs.delete("jobs/") == 3
    bench.proxy.fail(LOST, BUSY, only="^POST")
    assert bench.blobs.open_upload("uploads/1", size_bytes=None, ttl_s=60).url
    assert bench.proxy.failed
    assert bench.names() == []


def test_every_call_on_a_bucket_that_is_not_there_may_succeed_later(bench: Bench, emulators: Emulators, a_file: MakeFile) -> None:
    """It is a mistake of whoever runs krai, so no job may end with it."""
    signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
    blobs = GcsBlobStore("krai-none", project="krai", emulator=f"http://{emulators.storage.host}", signer=signer)
    source = a_file(b"")
    calls: list[Callable[[], object]] = [
        lambda: blobs.put("a", source),
        lambda: blobs.open("a"),
        lambda: blobs.stat("a"),
        lambda: list(blobs.list("")),
        lambda: blobs.delete("a"),
        lambda: blobs.open_upload("a", size_bytes=None, ttl_s=1),
        blobs.check,
    ]
    for call in calls:
        with pytest.raises(Transient, match="store_busy"):
            call()
    assert source.exists()
    assert bench.proxy.failed
