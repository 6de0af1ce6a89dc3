"""Ports of this machine that stay free for whoever was told of them, also while nothing listens there yet or again."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

# Below the ports that systems take for outgoing connections, any of which could be one that was free a moment ago.
RANGE = range(20_000, 32_000)


def free_port() -> int:
    """One that nothing listens on and that no other process of this user is told of before this one ends."""
    folder = Path(tempfile.gettempdir()) / f"krai-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for port in random.sample(RANGE, len(RANGE)):
        with suppress(OSError):
            _reserve(folder / str(port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
            return port
    message = f"all ports from {RANGE.start} to {RANGE.stop} are taken"
    raise OSError(message)


def _reserve(path: Path) -> None:
    """Raises BlockingIOError when another process, or an earlier call, has it."""
    lock = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)  # kept open for as long as the process lives
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise
