"""What the embedded backends promise about their files: locks, damage, full disks and other processes."""

import asyncio
import os
import resource
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.database import Database
from krai.backends.local.disk import secret_key
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.errors import KraiError, Terminal, Transient
from tests.contract.examples import a_job, a_record, created

MakeFile = Callable[[bytes], Path]
TABLE = "CREATE TABLE IF NOT EXISTS t (x)"


@contextmanager
def no_file_larger_than(limit_bytes: int) -> Iterator[None]:
    """A full disk for this process: every write beyond the limit fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])


def damage(path: Path) -> None:
    """Overwrite a database where it stands, the log of its last writes too."""
    for file in (path, path.with_name(f"{path.name}-wal")):
        if file.exists():
            with file.open("r+b") as bytes_of_it:
                bytes_of_it.write(os.urandom(file.stat().st_size))


# -- several processes ------------------------------------------------------------------------------------------------------------


async def test_many_may_make_the_same_file_at_once(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / str(number) / "a.sqlite"
        databases = [Database(path, TABLE, durable=number % 2 == 0, busy_timeout_s=0) for number in range(12)]
        await asyncio.gather(*(database.check() for database in databases))
        for database in databases:
            await database.close()


async def test_a_lock_held_too_long_is_transient_and_passes(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite", TABLE, durable=True, busy_timeout_s=0.2)
    await database.check()
    with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient, match="store_busy") as caught:
            await database.run(lambda c: c.execute("INSERT INTO t VALUES (1)"))
        assert caught.value.retry_after_s == 1
        await database.check()  # reading goes on
    await database.run(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    await database.close()


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite", TABLE, durable=True)

    def write_and_fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (1)")
        raise Terminal("internal")

    with pytest.raises(Terminal):
        await database.run(write_and_fail)
    assert await database.run(lambda c: c.execute("SELECT count(*) FROM t").fetchone()) == (0,)
    await database.close()
    await database.close()


# -- damage -----------------------------------------------------------------------------------------------------------------------


async def test_a_damaged_job_file_is_said_to_be_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    jobs = LocalJobStore(path)
    await jobs.create(a_job())
    await jobs.close()
    damage(path)
    before = path.read_bytes()
    jobs = LocalJobStore(path)
    for _ in range(2):
        with pytest.raises(Terminal, match="damaged"):
            await jobs.get("a")
    await jobs.close()
    assert path.read_bytes() == before


async def test_a_damaged_queue_is_set_aside_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    for _ in range(2):
        path.write_bytes(os.urandom(10_000))
        queue = LocalJobQueue(path)
        await queue.publish(a_job())
        assert len(await queue.pull(9, wait_s=1, lease_s=1)) == 1
        await queue.close()
        assert path.with_name("queue.sqlite.damaged").stat().st_size == 10_000
        assert is_whole(path)


@pytest.fixture
async def two_queues(tmp_path: Path) -> AsyncIterator[tuple[LocalJobQueue, LocalJobQueue]]:
    queues = LocalJobQueue(tmp_path / "queue.sqlite"), LocalJobQueue(tmp_path / "queue.sqlite")
    for queue in queues:
        await queue.check()
    yield queues
    for queue in queues:
        await queue.close()


async def test_a_queue_damaged_while_it_is_used_goes_on(two_queues: tuple[LocalJobQueue, LocalJobQueue], tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    mine, theirs = two_queues
    for _ in range(100):
        await mine.publish(a_job())
    damage(path)
    async with asyncio.timeout(10):
        while not path.with_name("queue.sqlite.damaged").exists():  # until then messages may be lost
            await mine.publish(a_job())
            await theirs.pull(1, wait_s=0, lease_s=30)
        job = a_job()
        await mine.publish(job)
        while job.job_id not in {delivery.job_id for delivery in await theirs.pull(9, wait_s=5, lease_s=30)}:
            pass
    await theirs.publish(job)
    assert job.job_id in {delivery.job_id for delivery in await mine.pull(9, wait_s=5, lease_s=30)}
    assert is_whole(path)


async def test_a_queue_file_that_was_taken_away_is_made_anew(two_queues: tuple[LocalJobQueue, LocalJobQueue], tmp_path: Path) -> None:
    mine, theirs = two_queues
    waiting = asyncio.create_task(theirs.pull(1, wait_s=20, lease_s=30))
    await asyncio.sleep(0.1)
    for suffix in ("-shm", "-wal", ""):
        (tmp_path / f"queue.sqlite{suffix}").unlink()
    await mine.publish(a_job())
    async with asyncio.timeout(5):
        assert len(await waiting) == 1


async def test_a_queue_file_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    queue = LocalJobQueue(tmp_path / "queue.sqlite")
    await queue.publish(a_job())
    await queue.close()
    with closing(sqlite3.connect(tmp_path / "queue.sqlite")) as connection:
        connection.executescript("DROP TABLE dead_letters; PRAGMA user_version=1")
    queue = LocalJobQueue(tmp_path / "queue.sqlite")
    (delivery,) = await queue.pull(1, wait_s=1, lease_s=30)
    await queue.bury(delivery, "unknown_message")
    assert len(await queue.pull_buried(9)) == 1
    await queue.close()


async def test_files_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    newer = Database(tmp_path / "a.sqlite", TABLE, version=2, durable=True)
    await newer.check()
    await newer.close()
    older = Database(tmp_path / "a.sqlite", TABLE, version=1, durable=True)
    with pytest.raises(Terminal, match="newer"):
        await older.check()
    await older.close()


# -- a full disk ------------------------------------------------------------------------------------------------------------------


async def test_a_full_disk_refuses_jobs_and_hurts_none(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    jobs = LocalJobStore(path)
    kept, refused = [], []
    await jobs.check()
    with no_file_larger_than(300_000):
        for _ in range(200):
            job = a_job(params={"text": "x" * 5000})
            try:
                await jobs.create(job, a_record(job.job_id, expires_at=jobs.now() + timedelta(hours=1)))
                kept.append(job)
            except KraiError as error:
                assert error.code in {"disk_full", "store_busy"}  # noqa: PT017
                refused.append(job)
    assert kept
    assert refused
    for job in kept:
        assert await jobs.get(job.job_id) == job
    for job in refused:
        assert await jobs.get(job.job_id) is None
        assert await jobs.recall(job.job_id) is None
    assert await jobs.create(refused[0]) == refused[0]
    await jobs.close()
    assert is_whole(path)


async def test_a_database_without_room_says_that_the_disk_is_full(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.sqlite", TABLE, durable=True)
    await database.read(lambda c: c.execute("PRAGMA max_page_count = 4").fetchone())
    with pytest.raises(Terminal, match="disk_full"):
        await database.run(lambda c: c.execute("INSERT INTO t VALUES (zeroblob(100000))"))
    await database.run(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    await database.close()


def test_a_full_disk_ends_an_upload_and_leaves_no_partial_file(tmp_path: Path) -> None:
    blobs = LocalBlobStore(tmp_path, b"k" * 32)
    query = blobs.open_upload("uploads/1", size_bytes=None, ttl_s=60).url.partition("?")[2]
    upload = blobs.resume_upload("uploads/1", query)
    upload.append(b"x" * 60_000)
    with no_file_larger_than(100_000), pytest.raises(Terminal, match="disk_full"):
        upload.append(b"x" * 60_000)
    upload.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert blobs.resume_upload("uploads/1", query).received_bytes == 0


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A file on another file system."""
    file = Path("/dev/shm") / f"krai-{os.getpid()}-{time.monotonic_ns()}"  # noqa: S108 - the name cannot be foreseen
    if not file.parent.is_dir() or file.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    file.write_bytes(b"x" * 200_000)
    yield file
    file.unlink(missing_ok=True)


def test_a_file_of_another_file_system_is_put_whole(tmp_path: Path, elsewhere: Path) -> None:
    blobs = LocalBlobStore(tmp_path, b"k" * 32)
    blob = blobs.put("a/b", elsewhere)
    assert (blobs.stat("a/b"), blob.size_bytes, elsewhere.exists()) == (blob, 200_000, False)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


def test_a_full_disk_refuses_a_file_and_leaves_nothing_of_it(tmp_path: Path, elsewhere: Path) -> None:
    blobs = LocalBlobStore(tmp_path, b"k" * 32)
    with no_file_larger_than(100_000), pytest.raises(Terminal, match="disk_full"):
        blobs.put("a/b", elsewhere)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert elsewhere.exists()


def test_a_taken_path_refuses_a_file_of_another_file_system(tmp_path: Path, elsewhere: Path, a_file: MakeFile) -> None:
    blobs = LocalBlobStore(tmp_path / "blobs", b"k" * 32)
    first = blobs.put("a", a_file(b"first"))
    with pytest.raises(FileExistsError):
        blobs.put("a", elsewhere)
    assert elsewhere.exists()
    assert list(blobs.list("")) == [first]


# -- the rest ---------------------------------------------------------------------------------------------------------------------


async def test_expired_records_are_removed_in_passing(tmp_path: Path) -> None:
    jobs = LocalJobStore(tmp_path / "jobs.sqlite")
    for number in range(5):
        await jobs.remember(a_record(f"old-{number}", expires_at=jobs.now() + timedelta(milliseconds=50)))
    await asyncio.sleep(0.06)
    await jobs.remember(a_record("new", expires_at=jobs.now() + timedelta(hours=1)))
    await jobs.close()
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection:
        assert connection.execute("SELECT scope FROM idempotency").fetchall() == [("new",)]


async def test_nothing_of_a_deleted_job_stays(tmp_path: Path) -> None:
    jobs = LocalJobStore(tmp_path / "jobs.sqlite")
    await jobs.delete(await created(jobs, a_job(labels={"a": "b"})))
    await jobs.close()
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection:
        assert connection.execute("SELECT job_id FROM jobs UNION SELECT job_id FROM labels").fetchall() == []


def test_the_secret_is_made_once_and_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "link.key"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(secret_key, [path] * 8))
    assert keys == {path.read_bytes()}
    assert len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert secret_key(tmp_path / "other") not in keys


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(Terminal, match="damaged"):
        secret_key(tmp_path / "key")
