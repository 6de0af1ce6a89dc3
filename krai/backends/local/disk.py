"""Files that are still there after a power cut, and the one answer to a full disk."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from krai.durable import make_folders, sync_folder
from krai.errors import Terminal

KEY_BYTES = 32
FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


@contextlib.contextmanager
def full_disk_is_terminal() -> Iterator[None]:
    """Raise Terminal disk_full where the file system has no room, or no room for this process."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise Terminal("disk_full") from error
        raise


def place(source: Path, target: Path) -> os.stat_result:
    """Give the file `source` the new name `target` on the same file system, durably; `source` loses its old name.

    Create-only: raises FileExistsError when `target` is taken, also when two processes try at once.
    """
    status = source.stat()
    while True:
        try:
            make_folders(target.parent)
            os.link(source, target)
            break
        except FileNotFoundError:
            source.stat()  # it is there, so a delete has just taken the empty folder away
    with contextlib.suppress(FileNotFoundError):  # a delete was faster than this
        sync_folder(target.parent)
    source.unlink()
    return status


def secret_key(path: Path) -> bytes:
    """The random bytes in `path`, made by whichever process asks first and readable by its user alone."""
    make_folders(path.parent)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            draft.touch(0o600, exist_ok=False)
            with full_disk_is_terminal(), draft.open("wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Terminal("internal", "A key in the data folder is damaged: remove its file, and what it has signed so far is void.")
    return key
