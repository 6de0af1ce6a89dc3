"""The command `krai` as a process of its own, with a home of its own, and at a terminal of its own."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.krai_client import DEMO_KEY
from tests.acceptance.krai_process import NOT_INHERITED, ROOT

COLUMNS = "120"
AT_ITS_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"  # so that Ctrl-C and hidden input are real


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        """All of stdout, which is one document."""
        return json.loads(self.out)


class Command:
    """Runs `python -m krai` against a krai at `url`, in the folder `home`."""

    def __init__(self, home: Path, url: str, api_key: str = DEMO_KEY) -> None:
        self.home = home
        inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
        self.env = inherited | {
            "KRAI_URL": url,
            "KRAI_API_KEY": api_key,
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": COLUMNS,
            "TERM": "xterm",
        }

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> Said:
        """Run it without a terminal, to its end."""
        done = subprocess.run(
            self.words(arguments), cwd=self.home, env=self.env, input=stdin or b"", capture_output=True, timeout=240, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr.decode())

    def begin(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start it without a terminal; whoever does so ends it."""
        return subprocess.Popen(
            self.words(arguments), cwd=self.home, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @contextmanager
    def terminal(self, *arguments: str | Path) -> Iterator["Screen"]:
        """Start it at a terminal, with stdout there too."""
        ours, theirs = pty.openpty()
        words = [sys.executable, "-c", AT_ITS_TERMINAL, *self.words(arguments)]
        process = subprocess.Popen(words, cwd=self.home, env=self.env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        try:
            yield Screen(ours, process)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    @staticmethod
    def words(arguments: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "krai", *map(str, arguments)]


@dataclass
class Screen:
    """What a terminal shows, and what is typed at it."""

    descriptor: int
    process: subprocess.Popen[bytes]
    text: str = ""

    def until(self, pattern: str, *, within_s: float = 60) -> str:
        """All that was shown when it shows this. Control sequences are left out."""
        deadline = time.monotonic() + within_s
        while not re.search(pattern, self.text):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not within {within_s:g} s: {pattern!r} in {self.text!r}"
            if not self._read(left_s):
                assert re.search(pattern, self.text), f"never: {pattern!r} in {self.text!r}"
        return self.text

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.type("\x03")

    def end(self, *, within_s: float = 60) -> int:
        """The exit code, when all that is shown was read."""
        deadline = time.monotonic() + within_s
        while self._read(max(0.0, deadline - time.monotonic())):
            assert time.monotonic() < deadline, f"it has not ended: {self.text!r}"
        return self.process.wait(within_s)

    def _read(self, timeout_s: float) -> bool:
        """False at its end."""
        if not select.select([self.descriptor], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self.descriptor, 1 << 16)
        except OSError:
            return False  # how Linux tells that nobody has the other side any more
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data.decode(errors="replace"))
        return bool(data)
