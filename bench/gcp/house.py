"""The emulators, and krai's processes on them: what every measurement of `bench.gcp` stands on."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.server import Client
from scripts.emulators import ROOT, Emulator, Emulators
from scripts.ports import free_port
from scripts.unlimited import UNLIMITED

KEY = "bench-key"
SETTINGS = {"API_KEY": KEY, "KRAI_LOG": "json", **UNLIMITED}
START_WITHIN_S = 60
END_WITHIN_S = 60
STORAGE_REQUEST = re.compile(r'\\"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/1\.1\\" (?P<status>\d+) (?P<size>\d+)')


@dataclass(frozen=True, slots=True)
class StorageRequest:
    """As the storage emulator has logged it; `size_bytes` is what it answered with."""

    method: str
    target: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class House:
    """A project and a bucket on the emulators; `env` leads a process there."""

    folder: Path
    env: Mapping[str, str]

    @property
    def project(self) -> str:
        return self.env["GOOGLE_CLOUD_PROJECT"]

    @property
    def bucket(self) -> str:
        return self.env["GCS_BUCKET"]

    def client(self, port: int) -> Client:
        return Client(port, KEY)

    @contextmanager
    def process(self, command: Sequence[str], env: Mapping[str, str], *, cwd: Path = ROOT) -> Iterator[tuple[psutil.Process, Path]]:
        """The process and its log, stopped at the end of the block."""
        log = self.folder / f"{secrets.token_hex(4)}.log"
        with log.open("wb") as target:
            everything = {**os.environ, **self.env, **env}
            process = subprocess.Popen(command, cwd=cwd, env=everything, stdout=target, stderr=subprocess.STDOUT)
        try:
            yield psutil.Process(process.pid), log
        finally:
            process.terminate()
            try:
                process.wait(END_WITHIN_S)
            finally:
                process.kill()

    @contextmanager
    def api(self, *command: str, **env: str) -> Iterator[int]:
        """The port of krai's API, or of what `command` (arguments of Python) serves instead of it, ready."""
        port = free_port()
        with self.process([sys.executable, *(command or ["main.py"])], {"PORT": str(port), **env}) as (process, log):
            until = time.monotonic() + START_WITHIN_S
            while not _answers(port):
                _go_on_waiting(process, log, until)
            yield port

    @contextmanager
    def worker(self, **env: str) -> Iterator[psutil.Process]:
        """A worker that has made the samples and pulls."""
        with self.process([sys.executable, "worker.py"], env) as (process, log):
            until = time.monotonic() + START_WITHIN_S
            while '"worker ready"' not in log.read_text():
                _go_on_waiting(process, log, until)
            yield process

    def storage_requests(self) -> list[StorageRequest]:
        """All that storage was asked so far."""
        log = (self.folder.parent / "storage.log").read_text()
        return [
            StorageRequest(found["method"], found["target"], int(found["size"]))
            for found in STORAGE_REQUEST.finditer(log)
            if self.bucket in found["target"]
        ]


class Site(Emulators):
    """The emulators of one run, and houses on them that see nothing of each other. Storage logs every request."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder
        storage = self.storage._command  # noqa: SLF001 - the same command but for its last argument, the level of its log
        self.storage = Emulator("storage", lambda port: [*storage(port)[:-1], "info"], folder)

    def house(self) -> House:
        name = f"krai-{secrets.token_hex(4)}"
        folder = self._folder / name
        folder.mkdir()
        return House(folder, {**SETTINGS, **self.provision(name, name), "KRAI_DATA_DIR": str(folder / "data")})


@contextmanager
def open_site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="krai-bench-") as folder:
        site = Site(Path(folder))
        try:
            site.start()
            os.environ.update(site.hosts)  # Google's libraries look here, in this process too
            yield site
        finally:
            site.stop()


def _answers(port: int) -> bool:
    try:
        Client(port, KEY).call("GET", "/readyz")
    except (OSError, RuntimeError):
        return False
    return True


def _go_on_waiting(process: psutil.Process, log: Path, until: float) -> None:
    if time.monotonic() > until or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
        message = f"A process did not start:\n{log.read_text()[-2000:]}"
        raise RuntimeError(message)
    time.sleep(0.05)
