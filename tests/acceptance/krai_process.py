"""`python main.py` and `python worker.py` as real processes: started, stopped, frozen and killed, again and again on the same stores."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

import httpx
import psutil

from scripts.ports import free_port
from scripts.unlimited import UNLIMITED
from tests.acceptance.krai_client import DEMO_KEY, KraiClient
from tests.acceptance.waiting import until

ROOT = Path(__file__).parents[2]
NOT_INHERITED = re.compile(r"KRAI_|OTEL_|GOOGLE_|GCS_|PUBSUB_|API_KEY|PORT$|CUSTOMER_NAME|CORS_ORIGINS|COV_|.*_EMULATOR_HOST")

# Short leases make a takeover visible in seconds instead of a minute. `QUICK["KRAI_LEASE_S"]` and the sweep bound how long it takes.
QUICK = {
    "KRAI_LEASE_S": "3",
    "KRAI_HEARTBEAT_S": "0.5",
    "KRAI_SWEEP_S": "0.5",
    "KRAI_BACKOFF_S": "0.1",
    "KRAI_MAX_ATTEMPTS": "100",
    **UNLIMITED,
}


class KraiProcess:
    """One krai process on `data_dir`, in a process group of its own, with its output in a log file beside the folder."""

    def __init__(self, data_dir: Path, *, script: str = "main.py", env: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.script = script
        self.env = env or {}
        self.port = free_port()
        self.log_path = data_dir.with_name(f"{data_dir.name}-{Path(script).name}-{self.port}.log")
        self.client = KraiClient(self.base_url, self.env.get("API_KEY", DEMO_KEY))
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._log_from = 0

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def spawn(self, **env: str) -> Self:
        """Start the process and return at once; `env` holds for this start only."""
        self.stop()
        inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
        own = {"PORT": str(self.port), "KRAI_DATA_DIR": str(self.data_dir), "PYTHONUNBUFFERED": "1"}
        self._log = self.log_path.open("ab")
        self._log_from = self._log.tell()
        self._process = subprocess.Popen(
            [sys.executable, self.script],
            cwd=ROOT,
            env={**inherited, **own, **self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def start(self, **env: str) -> Self:
        """Start `main.py` and return when it is ready to take requests."""
        return self.spawn(**env).wait_until_ready()

    def wait_until_ready(self) -> Self:
        """Return when a `main.py` takes requests."""
        until(f"{self.script} is ready\n{self.log()}", self._is_ready, within_s=60)
        return self

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.script} ended by itself:\n{self.log()}"
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def wait_until_working(self) -> Self:
        """Return when a `worker.py` has its children and pulls messages."""
        until(f"{self.script} works\n{self.log()}", self._is_working, within_s=60)
        return self

    def _is_working(self) -> bool:
        assert self.runs, f"{self.script} ended by itself:\n{self.log()}"
        return "worker ready" in self.log(since=self._log_from)

    def kill(self) -> None:
        """SIGKILL the process alone, as the kernel does when memory is short; its children find out for themselves."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait_until_dead(within_s=5)

    def kill_after(self, moment_s: float) -> None:
        """SIGKILL the process when `moment_s` seconds have passed. The time is the fault; nothing is waited for."""
        time.sleep(moment_s)
        self.kill()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, as an orchestrator does."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send(signal.SIGTERM)

    def freeze(self) -> None:
        """The process and its children stand still, as on a machine that is suspended."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def wait_until_dead(self, *, within_s: float) -> int:
        """The exit code; minus the signal's number when a signal ended it."""
        assert self._process is not None
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            message = f"{self.script} still lives after {within_s:g} s:\n{self.log()}"
            raise AssertionError(message) from None

    def still_lives(self, *, for_s: float) -> None:
        """The process has not ended when `for_s` seconds have passed."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            message = f"{self.script} has ended with {self._process.wait(for_s)}:\n{self.log()}"
            raise AssertionError(message)

    def family(self) -> list[psutil.Process]:
        """Every living process of the group, also those whose parent is gone."""
        found = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.Error):
                if os.getpgid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def parsers(self) -> list[psutil.Process]:
        """The children that read and write files: those that one of Python's helpers forked for the process."""
        found = []
        for process in self.family():
            with suppress(psutil.Error):
                if process.pid != self.pid and process.ppid() != self.pid:
                    found.append(process)
        return found

    def wait_until_alone(self, *, within_s: float) -> None:
        """Nothing is left of the group once its process has ended."""
        until(f"the children of {self.script} are gone", lambda: not self.family(), within_s=within_s)

    @contextmanager
    def parsers_held(self) -> Iterator[list[psutil.Process]]:
        """The children, standing still until the end: jobs that are claimed meanwhile get nowhere."""
        held: list[psutil.Process] = until(f"{self.script} has children", self.parsers, within_s=30)
        for process in held:
            process.suspend()
        try:
            yield held
        finally:
            for process in held:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def stop(self) -> None:
        """Whatever is left of the group is gone afterwards."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = None

    def log(self, *, since: int = 0) -> str:
        """The end of what the process has written, from the byte `since` on."""
        return self.log_path.read_bytes()[since:].decode(errors="replace")[-8000:] if self.log_path.exists() else ""

    def whole_log(self) -> str:
        """All that the process has written since it was started last."""
        return self.log_path.read_bytes()[self._log_from :].decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()
