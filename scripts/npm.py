"""Packages of npm, as the lock file of a folder names them: `python -m scripts.npm FOLDER` installs them there.

Several may ask at once: one installs, the others wait for it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NpmFailed(Exception):
    """A tool is not content; it has said why."""


def node_is_there() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


def install(folder: Path) -> None:
    """What the lock file names, unless it is there."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".installed"  # a copy of the lock file that was installed
    with alone(folder):
        if not (installed.exists() and installed.read_bytes() == lock.read_bytes()):
            call(folder, "ci", "--prefer-offline", "--no-progress", "--loglevel=error")
            shutil.copyfile(lock, installed)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time in this folder."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"krai-npm-{name}-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def call(folder: Path, *arguments: str, quiet: bool = False) -> None:
    """Raises NpmFailed."""
    done = subprocess.run(["npm", *arguments], cwd=folder, check=False, stdout=subprocess.DEVNULL if quiet else sys.stderr)  # noqa: S607
    if done.returncode:
        raise NpmFailed(f"npm {' '.join(arguments[:3])} is not content")


if __name__ == "__main__":
    install(Path(sys.argv[1]).resolve())
