"""What every blob store promises."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from krai.errors import Terminal
from krai.job import new_id
from krai.ports import Blob, BlobStore

MakeFile = Callable[[bytes], Path]
IMPOSSIBLE = ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a/.hidden", ".partial/a", "a\\b", "a\x00b", "a\nb", "\ud800"]
TOO_LONG = ["a" * 256, "é" * 128, "/".join(["a" * 100] * 11)]


def paths_of(blobs: BlobStore, prefix: str) -> list[str]:
    return [blob.path for blob in blobs.list(prefix)]


def test_a_file_comes_back_as_it_was_put(blobs: BlobStore, a_file: MakeFile) -> None:
    source = a_file(b"rows")
    blob = blobs.put("jobs/1/e1/users ä.csv", source)
    assert (blob.path, blob.size_bytes) == ("jobs/1/e1/users ä.csv", 4)
    assert not source.exists()
    assert blobs.stat(blob.path) == blob
    with blobs.open(blob.path, generation=blob.generation) as file:
        assert file.read() == b"rows"


def test_an_empty_file_is_a_file(blobs: BlobStore, a_file: MakeFile) -> None:
    assert blobs.put("a", a_file(b"")).size_bytes == 0


def test_a_file_that_is_not_there(blobs: BlobStore, a_file: MakeFile) -> None:
    blobs.put("a/b", a_file(b""))
    for path in ("x", "a", "a/b/c"):
        assert blobs.stat(path) is None
        with pytest.raises(FileNotFoundError):
            blobs.open(path)
    assert blobs.delete("x/") == 0
    assert paths_of(blobs, "x/") == []


def test_a_source_that_is_not_there_is_said_to_be(blobs: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.put("a", tmp_path / "none")
    assert paths_of(blobs, "") == []


def test_nothing_is_put_over_a_file(blobs: BlobStore, a_file: MakeFile) -> None:
    first = blobs.put("a/b", a_file(b"first"))
    second = a_file(b"second")
    with pytest.raises(FileExistsError):
        blobs.put("a/b", second)
    assert second.exists()
    assert blobs.stat("a/b") == first


def test_of_eight_puts_at_once_one_wins(open_blobs: Callable[[], BlobStore], a_file: MakeFile) -> None:
    for number in range(10):
        barrier = threading.Barrier(8)
        sources = [a_file(bytes([n])) for n in range(8)]

        def put(source: Path, path: str, barrier: threading.Barrier) -> Blob | None:
            blobs = open_blobs()
            barrier.wait()
            try:
                return blobs.put(path, source)
            except FileExistsError:
                return None

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(put, sources, [f"race/{number}"] * 8, [barrier] * 8))
        (winner,) = [n for n, blob in enumerate(won) if blob is not None]
        with open_blobs().open(f"race/{number}") as file:
            assert file.read() == bytes([winner])


def test_a_replaced_file_has_another_generation(blobs: BlobStore, a_file: MakeFile) -> None:
    before = blobs.put("a", a_file(b"same"))
    blobs.delete("a")
    after = blobs.put("a", a_file(b"same"))
    assert before.generation != after.generation
    with pytest.raises(Terminal, match="source_changed"):
        blobs.open("a", generation=before.generation)
    blobs.open("a", generation=after.generation).close()


def test_files_are_listed_by_their_whole_path(blobs: BlobStore, a_file: MakeFile) -> None:
    paths = ["a/b", "a-b/c", "a/b.csv", "a/B", "a/b0/x", "ä/b", "b", "a/b-/x", "a/b!/x"]
    for path in paths:
        if path != "a/b":
            blobs.put(path, a_file(b""))
    expected = sorted(path for path in paths if path != "a/b")
    assert paths_of(blobs, "") == expected
    assert paths_of(blobs, "a/") == [path for path in expected if path.startswith("a/")]
    assert paths_of(blobs, "a/b") == [path for path in expected if path.startswith("a/b")]


NAMES = st.text("aB-.0", min_size=1, max_size=3).filter(lambda name: not name.startswith("."))


@given(paths=st.sets(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=8), prefix=st.text("aB-./0", max_size=3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_prefix_gives_its_files_in_order(blobs: BlobStore, a_file: MakeFile, paths: set[tuple[str, ...]], prefix: str) -> None:
    root = new_id()
    # A file is no folder, so no path may go on below another.
    files = {"/".join(path) for path in paths if not any(path[:size] in paths for size in range(1, len(path)))}
    for path in files:
        blobs.put(f"{root}/{path}", a_file(b""))
    assert paths_of(blobs, f"{root}/{prefix}") == [f"{root}/{path}" for path in sorted(files) if path.startswith(prefix)]
    assert blobs.delete(f"{root}/{prefix}") == len([path for path in files if path.startswith(prefix)])
    assert paths_of(blobs, f"{root}/") == [f"{root}/{path}" for path in sorted(files) if not path.startswith(prefix)]


def test_delete_removes_what_begins_with_the_prefix_and_says_how_many(blobs: BlobStore, a_file: MakeFile) -> None:
    for path in ("jobs/1/e1/a", "jobs/1/e2/b", "jobs/10/e1/a"):
        blobs.put(path, a_file(b""))
    assert blobs.delete("jobs/1/") == 2
    assert paths_of(blobs, "") == ["jobs/10/e1/a"]
    assert blobs.delete("jobs/1/") == 0
    blobs.put("jobs/1/e1/a", a_file(b""))
    assert paths_of(blobs, "jobs/1/") == ["jobs/1/e1/a"]


def test_puts_and_deletes_side_by_side_lose_nothing(open_blobs: Callable[[], BlobStore], a_file: MakeFile) -> None:
    blobs = open_blobs()
    sources = [a_file(b"") for _ in range(150)]
    with ThreadPoolExecutor(3) as threads:
        put = threads.submit(lambda: [blobs.put(f"deep/er/{n}", source) for n, source in enumerate(sources)])

        def delete() -> int:
            removed = 0
            while not put.done():
                removed += open_blobs().delete("deep/")
            return removed

        deletes = [threads.submit(delete) for _ in range(2)]
        put.result()
        removed = sum(delete.result() for delete in deletes)
    assert removed + blobs.delete("deep/") == len(sources)


def test_everything_cannot_be_deleted_by_mistake(blobs: BlobStore) -> None:
    with pytest.raises(ValueError, match="empty"):
        blobs.delete("")


@pytest.mark.parametrize("path", IMPOSSIBLE + TOO_LONG)
def test_an_impossible_path_is_refused_for_writing_and_absent_for_reading(blobs: BlobStore, a_file: MakeFile, path: str) -> None:
    source = a_file(b"")
    with pytest.raises(ValueError, match="path"):
        blobs.put(path, source)
    with pytest.raises(ValueError, match="path"):
        blobs.link(path, generation="1", filename="a", ttl_s=1)
    with pytest.raises(ValueError, match="path"):
        blobs.open_upload(path, size_bytes=None, ttl_s=1)
    assert source.exists()
    assert blobs.stat(path) is None
    with pytest.raises(FileNotFoundError):
        blobs.open(path)
    assert not path.removesuffix("/") or paths_of(blobs, path + "/") == []


def test_a_store_that_answers_passes_its_check(blobs: BlobStore) -> None:
    blobs.check()
    assert blobs.sweep_uploads(0) == 0
