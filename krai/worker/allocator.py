"""How Arrow's allocator deals with memory in the processes that open data files."""

import os


def keep_freed_memory() -> None:
    """Have mimalloc hold what is freed for a second, not 10 ms, in processes that begin from now on.

    Blocks of a file follow one another more slowly than that, and pages that the system gives back must be cleared anew: a tenth of
    an import. The allocator reads its options when it is loaded, and from the environment alone.
    """
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "1000")
