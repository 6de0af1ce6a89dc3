"""Memory that a virtual machine has at hand. Many a host takes back what its guest leaves free for seconds, and finding it anew costs a
quarter of a second for each 100 MB: more than it takes to write them, and whoever comes first pays it."""

import os
import tempfile

import psutil

_MOST_BYTES = 3 << 29
_PART = 4  # of what is free: the rest stays for the files that are read
_ZEROS = bytes(1 << 20)


def at_hand() -> None:
    """Find memory, as files do, and let go of it; what was written before goes to the disk. So neither is paid by what is measured next."""
    os.sync()
    with tempfile.TemporaryFile() as file:
        for _ in range(min(_MOST_BYTES, psutil.virtual_memory().available // _PART) // len(_ZEROS)):
            file.write(_ZEROS)
