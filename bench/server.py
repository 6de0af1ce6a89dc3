"""A krai server of its own for a measurement, and a client that costs next to nothing."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from scripts.ports import free_port
from scripts.unlimited import UNLIMITED

KEY = "demo-key-change-me"
FINISHED = {"COMPLETED", "FAILED", "CANCELLED"}


class Client:
    """One kept-alive connection; `http.client` adds about 0.1 ms to what the server takes."""

    def __init__(self, port: int, key: str = KEY) -> None:
        self._key = key
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {"x-api-key": self._key, "content-type": "application/json", **headers})
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            message = f"{method} {path} was answered with {answer.status}: {text.decode()}"
            raise RuntimeError(message)
        return json.loads(text) if text else None

    def finish(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait until the job has finished; it must have COMPLETED."""
        while job["status"] not in FINISHED:
            job = self.call("GET", f"/api/v1/jobs/{job['job_id']}", prefer="wait=30")
        if job["status"] != "COMPLETED":
            message = f"the job ended {job['status']}: {job['error']}"
            raise RuntimeError(message)
        return job

    def upload(self, file: Path) -> str:
        """The id of an upload that holds the file."""
        upload: dict[str, Any] = self.call("POST", "/api/v1/uploads", {"size_bytes": file.stat().st_size})
        with file.open("rb") as content:
            path = upload["upload_url"].split("/", 3)[3]
            self._connection.request("PUT", f"/{path}", content, {"content-length": str(file.stat().st_size)})
            answer = self._connection.getresponse()
            answer.read()
        if answer.status not in {http.client.OK, http.client.CREATED}:
            message = f"the upload was answered with {answer.status}"
            raise RuntimeError(message)
        return str(upload["upload_id"])


class Server:
    def __init__(self, data_dir: Path, process: subprocess.Popen[bytes], port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self._process = psutil.Process(process.pid)

    def client(self) -> Client:
        return Client(self.port)

    def peak_rss_bytes(self) -> int:
        """The most memory any of its processes has ever held, as the kernel counted it."""
        family = [self._process, *self._process.children(recursive=True)]
        return max(_high_water_bytes(process.pid) for process in family)


@contextmanager
def server(data_dir: Path, **env: str) -> Iterator[Server]:
    """`python main.py` on `data_dir`, ready; stopped at the end of the block."""
    port = free_port()
    settings = {"PORT": str(port), "KRAI_DATA_DIR": str(data_dir), "KRAI_LOG": "json", **UNLIMITED, **env}
    log_path = data_dir.with_suffix(".log")
    with log_path.open("wb") as log, subprocess.Popen([sys.executable, "main.py"], env={**os.environ, **settings}, stderr=log) as process:
        try:
            _wait_until_ready(port, process, log_path)
            yield Server(data_dir, process, port)
        finally:
            process.terminate()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log_path: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            Client(port).call("GET", "/readyz")
        except OSError:
            time.sleep(0.05)
        else:
            return
    message = f"the server did not start:\n{log_path.read_text()}"
    raise RuntimeError(message)


def _high_water_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
