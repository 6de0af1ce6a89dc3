"""A PostgreSQL on a free port of this machine, for tests: a cluster of its own in a temporary folder, gone at the end.

It asks for a password, as a real one does, and unless told otherwise does not wait for its disk, as a real one must.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg

from scripts.emulators import Missing
from scripts.ports import free_port

START_WITHIN_S = 60.0
ROLE = "krai"
NOT_ROOT = ("postgres", "nobody")  # PostgreSQL refuses to run as root
# A commit is on its way to the disk before it is told of only where krai insists.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


class Postgres:
    """A server in `folder`, which must be one that any user can come to. It can be frozen, killed and started again."""

    def __init__(self, folder: Path, settings: Sequence[str] = FAST) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(12)
        self._folder = folder
        self._settings = settings
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database."""
        name = f"krai_{secrets.token_hex(6)}"
        self._administer(f"create database {name}")
        try:
            yield self.url(name)
        finally:
            self._administer(f"drop database {name} with (force)")

    def make(self) -> Self:
        password = self._folder / "password"
        password.write_text(self.password)
        self._hand_over()
        made = ["--auth=scram-sha-256", f"--pwfile={password}", "--username", ROLE, "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run([program("initdb"), "-D", str(self._data), *made]).wait(START_WITHIN_S)
        return self

    def start(self) -> Self:
        settings = [argument for setting in self._settings for argument in ("-c", setting)]
        where = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        self._process = self._run([program("postgres"), *where, *settings])
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self._administer("select")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return self
        raise Missing(f"PostgreSQL does not start:\n{self.log()[-2000:]}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def freeze(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut does: what was not written down is lost, and so is every unlogged table."""
        self._signal_all(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement.encode())

    def _run(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        user = _server_user()
        as_user: dict[str, Any] = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **as_user,
            )

    def _hand_over(self) -> None:
        user = _server_user()
        if user is not None:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is not None:
            server = psutil.Process(self._process.pid)
            for process in (server, *server.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)


def program(name: str) -> str:
    """A program of the newest PostgreSQL here; Debian keeps them off the path. Raises Missing."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)
    if found is None:
        raise Missing(f"{name} is not installed: install PostgreSQL 14 or newer (Debian: apt-get install postgresql)")
    return found


@contextmanager
def running(settings: Sequence[str] = FAST) -> Iterator[Postgres]:
    """Raises Missing."""
    with tempfile.TemporaryDirectory(prefix="krai-postgres-") as folder:
        server = Postgres(Path(folder), settings).make()
        try:
            yield server.start()
        finally:
            server.thaw()
            server.kill()


def _server_user() -> pwd.struct_passwd | None:
    """Who the server runs as, None: as this process does."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in NOT_ROOT if name in known)
