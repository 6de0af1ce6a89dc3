"""How memory is dealt with in the processes that open data files: by mimalloc for Arrow, by glibc for NumPy and Python."""

import os

# mimalloc holds what is freed for a second, not for 10 ms. glibc takes arrays of a block's size from memory that it keeps too, and keeps
# 16 MiB, where it would ask the system for each of them.
_OPTIONS = {
    "MIMALLOC_PURGE_DELAY": "1000",
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}


def keep_freed_memory() -> None:
    """Have processes that begin from now on use what they have freed again.

    Blocks of a file follow one another more slowly than allocators give memory back, and pages that the system gives must be cleared
    anew: a tenth of an import. The allocators read their options when they are loaded, and from the environment alone.
    """
    for name, value in _OPTIONS.items():
        os.environ.setdefault(name, value)
