"""A Python of its own under build/, for a tool whose packages do not go together with krai's."""

import fcntl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.emulators import ROOT


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Separate:
    """`pins` is a requirements file with every package."""

    name: str
    pins: Path

    @property
    def folder(self) -> Path:
        return ROOT / "build" / self.name

    def command(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def install(self, finish: Callable[[], None] = _nothing) -> None:
        """Do nothing when it is there with these pins; wait when somebody else installs it. `finish` comes after the packages."""
        self.folder.parent.mkdir(exist_ok=True)
        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_installed():
                return
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(self.folder)], check=True)
            installing = [*uv, "pip", "install", "--quiet", "--python", self.command("python"), "--requirement", str(self.pins)]
            subprocess.run(installing, check=True)
            finish()
            self._stamp.write_text(self.pins.read_text())

    def is_installed(self) -> bool:
        return self._stamp.exists() and self._stamp.read_text() == self.pins.read_text()

    @property
    def _stamp(self) -> Path:
        return self.folder / "installed.txt"
