"""A double of BigQuery on a free port of this machine, for tests: bqemulator, in a Python of its own.

`python -m scripts.bigquery` installs it under build/. It keeps everything in memory and speaks without credentials.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.emulators import ROOT, Emulator, Missing

PINS = Path(__file__).with_suffix(".txt")
VENV = ROOT / "build" / "bqemulator"
HOME = VENV / "home"  # where DuckDB keeps the extension that bqemulator does not start without
SHARD_BYTES = 1 << 15  # of what is exported at once; less than BigQuery's gigabyte, so that little is many files
SPATIAL = "from duckdb_extensions import import_extension; import_extension('spatial')"


def install() -> None:
    """Do nothing when it is there with these pins; wait when somebody else installs it."""
    VENV.parent.mkdir(exist_ok=True)
    with VENV.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(VENV / "bin" / "python"), "--requirement", str(PINS)], check=True)
        HOME.mkdir()
        subprocess.run([VENV / "bin" / "python", "-c", SPATIAL], env=os.environ | {"HOME": str(HOME)}, check=True)
        _stamp().write_text(PINS.read_text())


def is_installed() -> bool:
    return _stamp().exists() and _stamp().read_text() == PINS.read_text()


@contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """Raises Missing; where CI=true it is installed first."""
    if os.environ.get("CI") == "true":
        install()
    if not is_installed():
        raise Missing("bqemulator is not installed: python -m scripts.bigquery")

    def command(port: int) -> Sequence[str]:
        told = {"HOME": str(HOME), "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false", "BQEMU_GCS_LOCAL_ROOT": str(folder)}
        told["BQEMU_EXPORT_SHARD_THRESHOLD_BYTES"] = str(SHARD_BYTES)
        told["PYTHONDONTWRITEBYTECODE"] = ""  # it compiles four seconds long, every time where that is set
        variables = [f"{name}={value}" for name, value in told.items()]
        served = ["--rest-host", "127.0.0.1", "--rest-port", str(port), "--grpc-port", "0", "--ephemeral", "--log-level", "error"]
        return ["env", *variables, str(VENV / "bin" / "bqemulator"), "start", *served]

    bigquery = Emulator("bigquery", command, folder, first="/healthz")
    try:
        bigquery.start().wait_until_up()
        yield bigquery
    finally:
        bigquery.stop()


def _stamp() -> Path:
    return VENV / "installed.txt"


if __name__ == "__main__":
    install()
