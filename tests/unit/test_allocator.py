import subprocess
import sys

import pytest

from krai.worker.allocator import keep_freed_memory

# As blocks of a file do: an array comes, and is gone before the next one.
_BLOCKS = """
import resource, numpy
begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    numpy.ones(5 << 20, numpy.uint8), numpy.ones(5 << 20, numpy.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begun)
"""


def test_a_process_that_begins_later_uses_what_it_has_freed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIMALLOC_PURGE_DELAY", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(name, "")  # so that it is as it was afterwards
        monkeypatch.delenv(name)
    before = _pages_cleared()
    keep_freed_memory()
    assert _pages_cleared() < before / 2


def test_what_an_administrator_has_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIMALLOC_PURGE_DELAY", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(name, "0")
    before = _pages_cleared()
    keep_freed_memory()
    assert _pages_cleared() > before / 2


def _pages_cleared() -> int:
    return int(subprocess.run([sys.executable, "-c", _BLOCKS], check=True, capture_output=True, text=True).stdout)
