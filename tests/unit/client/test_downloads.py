"""Files on their way out: whole, checked and in their place, or not there at all."""

import asyncio
import errno
import fcntl
import hashlib
import io
import json
import random
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from krai.client import BadFile, Client, FileInUse, Problem
from krai.client.exporting import RESUMED_S
from krai.client.sinks import PartFile
from tests.faulty_proxy import Fault
from tests.unit.api.house import KEY
from tests.unit.client.faces import Face

CONTENT = random.Random(8).randbytes(5_000_000)  # noqa: S311 - no secret
GET = "GET /files/"


class Killed(BaseException):
    """The client is gone, and can do nothing about it."""


async def exported(face: Face, *contents: bytes, sha256: str | None = None, **request: Any) -> str:
    """A COMPLETED export with these files."""
    job_id = await face.house.submit(**request)
    return await complete(face, job_id, *contents, sha256=sha256)


async def complete(face: Face, job_id: str, *contents: bytes, sha256: str | None = None) -> str:
    files = []
    for number, content in enumerate(contents):
        blob = await face.house.store(f"jobs/{job_id}/e1/{number}", content)
        told = {"name": f"users-{number}.csv", "path": blob.path, "generation": blob.generation, "size_bytes": len(content)}
        digest = sha256 or hashlib.sha256(content).hexdigest()
        files.append(told | {"records": 1, "sha256": digest, "crc32c": "AAAAAA==", "cells_altered": 0})
    manifest = await face.house.store(f"jobs/{job_id}/e1/manifest.json", b"{}")
    signed = {"name": "manifest.json", "path": manifest.path, "generation": manifest.generation, "size_bytes": 2}
    result = {
        "format": "csv",
        "snapshot_id": "1",
        "snapshot_time": "2026-11-21T09:00:00.000000Z",
        "records": len(files),
        "file_size_bytes": sum(map(len, contents)),
        "complete": True,
        "files": files,
        "manifest": signed,
        "signature": signed | {"name": "manifest.json.jws"},
    }
    await face.house.complete(job_id, result)
    return job_id


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("users*"))


async def test_a_file_is_there_when_it_is_whole(face: Face, tmp_path: Path) -> None:
    job_id, target = await exported(face, CONTENT), tmp_path / "users.csv"
    seen: list[tuple[int, int]] = []
    done = await face.call("download", job_id, target, arrived=lambda here, total: seen.append((here, total)))
    assert target.read_bytes() == CONTENT
    assert (done.paths, done.result.records) == ((target,), 1)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert names(tmp_path) == ["users.csv"]
    assert list(face.state.iterdir()) == []
    assert not any("x-api-key" in head for head in face.line.heads if head.startswith(GET))


@pytest.mark.parametrize("fault", [Fault(answered=2_500_000), Fault(answered=0), Fault(status=503)])
async def test_what_was_broken_off_is_gone_on_with(face: Face, tmp_path: Path, fault: Fault) -> None:
    job_id = await exported(face, CONTENT)
    face.line.fail(fault, only=f"^{GET}")
    await face.call("download", job_id, tmp_path / "users.csv")
    assert (tmp_path / "users.csv").read_bytes() == CONTENT
    if fault.answered:
        (second,) = [head for head in face.line.heads if head.startswith(GET)][1:]
        assert "range: bytes=2" in second, "not from the start"
        assert "if-range: " in second


async def test_another_client_goes_on_where_one_was_killed(face: Face, tmp_path: Path) -> None:
    job_id, target = await exported(face, CONTENT), tmp_path / "users.csv"

    def die(here: int, _: int) -> None:
        if here > 1_000_000:
            raise Killed

    with pytest.raises(Killed):
        await face.call("download", job_id, target, arrived=die)
    assert not target.exists()
    kept = (tmp_path / "users.csv.part").stat().st_size
    assert kept > 1_000_000
    await face.call("download", job_id, target)
    assert target.read_bytes() == CONTENT
    assert f"range: bytes={kept}-" in face.line.heads[-1]


@pytest.mark.parametrize("status", [400, 403, 410])
async def test_a_link_that_has_expired_is_asked_for_anew(face: Face, tmp_path: Path, status: int) -> None:
    job_id = await exported(face, CONTENT)
    face.line.fail(Fault(status=status), only=f"^{GET}")
    await face.call("download", job_id, tmp_path / "users.csv")
    assert (tmp_path / "users.csv").read_bytes() == CONTENT
    assert len(face.asked(f"GET /api/v1/jobs/{job_id}/files")) == 2


async def test_a_link_that_is_refused_again_and_again_is_a_problem(face: Face, tmp_path: Path) -> None:
    job_id = await exported(face, CONTENT)
    face.line.fail(*[Fault(status=403)] * 9, only=f"^{GET}")
    with pytest.raises(Problem) as refused:
        await face.call("download", job_id, tmp_path / "users.csv")
    assert refused.value.status == 403
    assert not (tmp_path / "users.csv").exists()


async def test_another_file_than_krai_has_written_is_not_kept(face: Face, tmp_path: Path) -> None:
    job_id = await exported(face, b"id\n1\n", sha256="ab" * 32)
    with pytest.raises(BadFile, match=r"users-0\.csv is not the file"):
        await face.call("download", job_id, tmp_path / "users.csv")
    assert names(tmp_path) == []
    assert len(face.asked(GET)) == 2, "it was fetched once more"


@pytest.mark.parametrize("rest", [b"", b"something else", b"x" * 6_000_000], ids=["nothing", "short", "long"])
async def test_what_lies_in_the_way_does_no_harm(face: Face, tmp_path: Path, rest: bytes) -> None:
    job_id, target = await exported(face, CONTENT), tmp_path / "users.csv"
    (tmp_path / "users.csv.part").write_bytes(rest)
    target.write_bytes(b"an older one")
    await face.call("download", job_id, target)
    assert target.read_bytes() == CONTENT


async def test_of_two_downloads_to_one_place_the_second_is_refused(face: Face, tmp_path: Path) -> None:
    job_id, other_id, target = await exported(face, CONTENT), await exported(face, CONTENT[::-1]), tmp_path / "users.csv"
    under_way, go_on = threading.Event(), threading.Event()

    def hold(_here: int, _total: int) -> None:
        under_way.set()
        go_on.wait(20)

    def first() -> None:
        with Client(face.url, KEY, state=face.state) as client:
            client.download(job_id, target, arrived=hold)

    downloading = asyncio.create_task(asyncio.to_thread(first))
    try:
        assert await asyncio.to_thread(under_way.wait, 20)
        for late in (job_id, other_id):
            with pytest.raises(FileInUse, match=r"users\.csv is being written by another download"):
                await face.call("download", late, target)
    finally:
        go_on.set()
        await downloading
    assert target.read_bytes() == CONTENT
    await face.call("download", other_id, target)
    assert target.read_bytes() == CONTENT[::-1], "the place is free again"


def test_who_waited_for_a_part_does_not_write_into_the_file_that_it_became(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other download puts its file in its place between the opening of the part and the lock on it."""
    target, flock = tmp_path / "users.csv", fcntl.flock
    other = PartFile(target)
    other.write(b"whole")

    def late(file: BinaryIO, how: int) -> None:
        if not target.exists():
            other.place()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    part = PartFile(target)
    part.restart()
    part.write(b"other")
    assert target.read_bytes() == b"whole"
    part.place()
    assert target.read_bytes() == b"other"


def test_what_another_wrote_into_the_part_is_seen_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    parts = [PartFile(tmp_path / "users.csv") for _ in range(2)]
    for part in parts:
        part.write(b"id\n")
    parts[1].sha256()  # all that was written is in the file
    assert parts[0].sha256() == hashlib.sha256(b"id\nid\n").hexdigest()
    for part in parts:
        part.close()


async def test_several_files_go_into_a_folder_with_their_manifest(face: Face, tmp_path: Path) -> None:
    job_id, folder = await exported(face, b"a\n1\n", b"a\n2\n", split_rows=1), tmp_path / "users"
    done = await face.call("download", job_id, folder)
    assert [path.name for path in done.paths] == ["users-0.csv", "users-1.csv", "manifest.json", "manifest.json.jws"]
    assert [path.read_bytes() for path in done.paths] == [b"a\n1\n", b"a\n2\n", b"{}", b"{}"]
    before = len(face.asked(GET))
    await face.call("download", job_id, folder)
    assert len(face.asked(GET)) == before + 2, "what is there is not fetched again, but for the manifest"


async def test_a_file_goes_into_a_stream_through_a_broken_line(face: Face) -> None:
    job_id, stream = await exported(face, CONTENT), io.BytesIO()
    face.line.fail(Fault(answered=2_500_000), only=f"^{GET}")
    await face.call("download", job_id, stream)
    assert stream.getvalue() == CONTENT


class Narrow(io.BytesIO):
    """Takes a little at a time, as a pipe does."""

    def write(self, data: Any) -> int:
        return super().write(data[:65_536])


async def test_a_stream_that_takes_a_little_at_a_time_gets_all(face: Face) -> None:
    stream = Narrow()
    await face.call("download", await exported(face, CONTENT), stream)
    assert stream.getvalue() == CONTENT


async def test_an_empty_file_is_a_file(face: Face, tmp_path: Path) -> None:
    await face.call("download", await exported(face, b""), tmp_path / "users.csv")
    assert (tmp_path / "users.csv").read_bytes() == b""


async def test_a_name_leads_nowhere_else(face: Face, tmp_path: Path) -> None:
    job_id = await face.house.submit(split_rows=1)
    content = await face.house.store(f"jobs/{job_id}/e1/0", b"a\n1\n")
    file = {"name": "../users.csv", "path": content.path, "generation": content.generation, "size_bytes": 4, "records": 1}
    file |= {"sha256": hashlib.sha256(b"a\n1\n").hexdigest(), "crc32c": "AAAAAA==", "cells_altered": 0}
    told = {"format": "csv", "snapshot_id": "1", "snapshot_time": None, "records": 1, "file_size_bytes": 4, "complete": True}
    await face.house.complete(job_id, told | {"files": [file], "manifest": file})
    with pytest.raises(BadFile, match="a name that is not one of a file"):
        await face.call("download", job_id, tmp_path / "users")
    assert not (tmp_path / "users.csv").exists()


# -- exports ------------------------------------------------------------------------------------------------------------------


async def killed_export(face: Face, target: Path) -> str:
    def die(job: Any) -> None:
        raise Killed(job.job_id)

    with pytest.raises(Killed) as killed:
        await face.call("export_to", "users", target, seen=die)
    return str(killed.value)


async def test_an_export_that_was_killed_is_gone_on_with(face: Face, tmp_path: Path) -> None:
    target = tmp_path / "users.csv"
    job_id = await complete(face, await killed_export(face, target), CONTENT)
    done = await face.call("export_to", "users", target)
    assert (done.job.job_id, target.read_bytes()) == (job_id, CONTENT)
    assert face.told == [f"Going on with the export that was broken off, job {job_id}."]
    assert list(face.state.iterdir()) == []


@pytest.mark.parametrize("when", ["waiting", "downloading"])
async def test_an_interrupted_export_is_gone_on_with_only_when_its_job_has_ended(face: Face, tmp_path: Path, when: str) -> None:
    """Whoever interrupts a job is told of it; of a download only the same command knows."""

    heard: list[Any] = []

    def interrupt(*told: Any) -> None:
        heard.append(told)
        if when == "downloading" or len(heard) > 1:  # the first state is told before the job is waited for
            raise KeyboardInterrupt

    def export() -> None:
        seen, arrived = (interrupt, None) if when == "waiting" else (None, interrupt)
        with Client(face.url, KEY, state=face.state) as client, pytest.raises(KeyboardInterrupt):
            client.export_to("users", tmp_path / "users.csv", seen=seen, arrived=arrived)

    if when == "downloading":
        await complete(face, await killed_export(face, tmp_path / "users.csv"), CONTENT)
    await asyncio.to_thread(export)
    assert bool(list(face.state.iterdir())) is (when == "downloading")


async def test_another_export_is_not_taken_for_the_one_that_was_killed(face: Face, tmp_path: Path) -> None:
    job_id = await killed_export(face, tmp_path / "users.csv")
    others: tuple[tuple[str, dict[str, Any]], ...] = (("users.csv", {"limit": 1}), ("other.csv", {}))
    for target, request in others:
        with pytest.raises(Killed) as other:
            await face.call("export_to", "users", tmp_path / target, seen=_die, **request)
        assert str(other.value) != job_id


def age(folder: Path, seconds: float) -> None:
    (kept,) = folder.glob("*.json")
    members = json.loads(kept.read_text())
    kept.write_text(json.dumps(members | {"began_at": members["began_at"] - seconds}))


async def test_an_old_snapshot_is_taken_anew(face: Face, tmp_path: Path) -> None:
    job_id = await killed_export(face, tmp_path / "users.csv")
    age(face.state, RESUMED_S + 60)
    assert await killed_export(face, tmp_path / "users.csv") != job_id


async def test_an_old_snapshot_of_which_a_part_is_here_is_gone_on_with(face: Face, tmp_path: Path) -> None:
    job_id = await killed_export(face, tmp_path / "users.csv")
    age(face.state, RESUMED_S + 60)
    (tmp_path / "users.csv.part").touch()
    assert await killed_export(face, tmp_path / "users.csv") == job_id


async def test_a_result_that_has_expired_meanwhile_is_made_anew(face: Face, tmp_path: Path) -> None:
    job_id = await killed_export(face, tmp_path / "users.csv")
    await face.house.complete(job_id, {}, keep_s=-1)
    assert await killed_export(face, tmp_path / "users.csv") == job_id
    seen: list[str] = []

    def note(job: Any) -> None:
        seen.append(job.job_id)
        if job.job_id != job_id:
            raise Killed(job.job_id)

    with pytest.raises(Killed):
        await face.call("export_to", "users", tmp_path / "users.csv", seen=note)
    assert seen[0] == job_id
    assert seen[-1] != job_id


def _die(job: Any) -> None:
    raise Killed(job.job_id)
