"""Files on their way in: whatever becomes of the line or of the client, each arrives once and whole."""

import asyncio
import hashlib
import io
import os
import random
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from krai.client import BadFile, JobEnded, Problem
from krai.client.sources import PIECE_BYTES
from krai.client.state import LONGEST_AGE_S, remembered
from tests.faulty_proxy import Fault
from tests.unit.client.faces import Face

CONTENT = random.Random(7).randbytes(PIECE_BYTES + 1_000_003)  # noqa: S311 - no secret
PUT = "PUT /uploads/"


class Killed(BaseException):
    """The client is gone, and can do nothing about it."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "orders.csv"
    file.write_bytes(CONTENT)
    return file


def arrived(face: Face, upload_id: str) -> bytes:
    with face.house.stores.blobs.open(f"uploads/{upload_id}") as blob:
        content: bytes = blob.read()
        return content


def die(*_: Any) -> None:
    raise Killed


def source_of(job: Any) -> str:
    return str(job.params["source"]["upload_id"])


async def test_a_file_arrives_in_pieces_without_the_key(face: Face, file: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    upload_id = await face.call("upload", file, sent=lambda done, total: seen.append((done, total)))
    assert arrived(face, upload_id) == CONTENT
    assert seen == [(PIECE_BYTES, len(CONTENT)), (len(CONTENT), len(CONTENT))]
    puts = [head for head in face.line.heads if head.startswith(PUT)]
    assert len(puts) == 2
    assert not any("x-api-key" in head for head in puts)
    assert list(face.state.iterdir()) == []


@pytest.mark.parametrize("fault", [Fault(sent=3_000_000), Fault(answered=0), Fault(status=503), Fault(status=500)])
async def test_a_piece_that_was_broken_off_is_gone_on_with(face: Face, file: Path, fault: Fault) -> None:
    face.line.fail(fault, only=f"^{PUT}")
    assert arrived(face, await face.call("upload", file)) == CONTENT
    assert len(face.asked("POST /api/v1/uploads")) == 1
    assert any("content-range: bytes */" in head for head in face.line.heads), "it has asked how much has arrived"


async def test_another_client_goes_on_where_one_was_killed(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", follow=False, sent=die)
    (kept,) = face.state.glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    seen: list[int] = []
    job = await face.call("import_from", file, "orders", follow=False, sent=lambda done, _: seen.append(done))
    assert seen == [PIECE_BYTES, len(CONTENT)], "the first piece was there already"
    assert len(face.asked("POST /api/v1/uploads")) == 1
    assert arrived(face, source_of(job)) == CONTENT
    assert job.params["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert face.told == ["Going on with what was broken off."]
    assert list(face.state.iterdir()) == []


async def test_a_job_that_a_killed_client_has_made_is_found_again(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", seen=die)
    again = await face.call("import_from", file, "orders", follow=False)
    assert [job.job_id for job in (await face.call("jobs")).jobs] == [again.job_id]
    another = await face.call("import_from", file, "orders", follow=False)
    assert another.job_id != again.job_id, "nothing was broken off any more"


async def test_another_request_with_what_was_sent_is_another_job(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", seen=die)
    other = await face.call("import_from", file, "orders", follow=False, mode="replace")
    assert len((await face.call("jobs")).jobs) == 2
    assert len(face.asked("POST /api/v1/uploads")) == 1
    assert other.params["mode"] == "replace"


async def test_a_file_that_has_changed_since_is_sent_anew(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", follow=False, sent=die)
    await asyncio.to_thread(file.write_bytes, CONTENT[::-1])
    job = await face.call("import_from", file, "orders", follow=False)
    assert arrived(face, source_of(job)) == CONTENT[::-1]
    assert len(face.asked("POST /api/v1/uploads")) == 2


async def test_an_upload_that_is_gone_is_begun_anew(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", follow=False, sent=die)
    face.line.fail(Fault(status=410), only=f"^{PUT}")
    job = await face.call("import_from", file, "orders", follow=False)
    assert arrived(face, source_of(job)) == CONTENT
    assert "gone; beginning anew" in face.told[-1]


async def test_an_upload_that_was_swept_away_is_begun_anew(face: Face, file: Path) -> None:
    with pytest.raises(Killed):
        await face.call("import_from", file, "orders", seen=die)
    (job,) = (await face.call("jobs")).jobs
    face.house.stores.blobs.delete(f"uploads/{source_of(job)}")
    other = await face.call("import_from", file, "orders", follow=False, mode="replace")
    assert source_of(other) != source_of(job)


async def test_a_refused_upload_is_a_problem_at_once(face: Face, file: Path) -> None:
    face.line.fail(Fault(status=403), only=f"^{PUT}")
    with pytest.raises(Problem) as refused:
        await face.call("upload", file)
    assert refused.value.status == 403


@pytest.mark.parametrize("content", [b"", b"id\n1\n", CONTENT], ids=["empty", "short", "pieces"])
async def test_a_stream_arrives_whole(face: Face, content: bytes) -> None:
    if content:
        face.line.fail(Fault(answered=0), only=f"^{PUT}")
    assert arrived(face, await face.call("upload", io.BytesIO(content))) == content
    assert not face.state.exists()


async def test_an_empty_file_arrives(face: Face, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    assert arrived(face, await face.call("upload", tmp_path / "empty.csv")) == b""


def shorten(file: Path) -> None:
    os.truncate(file, 10)


def rewrite(file: Path) -> None:
    with file.open("r+b") as there:
        there.write(b"other")


@pytest.mark.parametrize("change", [shorten, rewrite])
async def test_a_file_that_changes_while_it_is_sent_is_not_imported(face: Face, file: Path, change: Callable[[Path], None]) -> None:
    with pytest.raises(BadFile, match=r"orders\.csv has changed while it was sent"):
        await face.call("import_from", file, "orders", sent=lambda *_: change(file))
    assert (await face.call("jobs")).jobs == ()


async def test_a_job_is_followed_to_its_end_and_then_forgotten(face: Face, file: Path) -> None:
    async def settle(end: str) -> None:
        async with asyncio.timeout(10):
            while not (jobs := (await face.call("jobs", status="PENDING")).jobs):  # noqa: ASYNC110 - krai is asked as anybody would
                await asyncio.sleep(0.01)
        await (face.house.fail(jobs[0].job_id) if end == "FAILED" else face.house.complete(jobs[0].job_id, {}))

    completing = asyncio.create_task(settle("COMPLETED"))
    assert (await face.call("import_from", file, "orders")).status == "COMPLETED"
    await completing
    failing = asyncio.create_task(settle("FAILED"))
    with pytest.raises(JobEnded):
        await face.call("import_from", file, "orders")
    await failing
    assert list(face.state.iterdir()) == []


def test_two_at_the_same_work_do_not_share_what_is_remembered(tmp_path: Path) -> None:
    with remembered(tmp_path, "a") as one, remembered(tmp_path, "a") as other, remembered(tmp_path, "b") as third:
        one.begin(word="mine")
        other.begin(word="not mine")
        assert (one["word"], third["word"]) == ("mine", None)
    with remembered(tmp_path, "a") as again:
        assert again["word"] == "mine"
        again.forget()
    assert [path.suffix for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"word": 1}', '{"began_at": "x"}'])
def test_what_cannot_be_remembered_is_begun_anew(tmp_path: Path, content: str) -> None:
    with remembered(tmp_path, "a") as state:
        state.begin(word="x")
    (path,) = tmp_path.glob("*.json")
    path.write_text(content)
    with remembered(tmp_path, "a") as state:
        assert state["word"] is None


def test_what_is_old_is_forgotten(tmp_path: Path) -> None:
    with remembered(tmp_path, "a") as state:
        state.begin(word="x")
    (path,) = tmp_path.glob("*.json")
    long_ago = time.time() - LONGEST_AGE_S - 60
    os.utime(path, (long_ago, long_ago))
    with remembered(tmp_path, "b"):
        assert not path.exists()
