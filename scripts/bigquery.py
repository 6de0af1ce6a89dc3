"""A double of BigQuery on a free port of this machine, for tests: bqemulator, in a Python of its own.

`python -m scripts.bigquery` installs it under build/. It keeps everything in memory and speaks without credentials.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.emulators import Emulator, Missing
from scripts.separate import Separate

TOOL = Separate("bqemulator", Path(__file__).with_suffix(".txt"))
HOME = TOOL.folder / "home"  # where DuckDB keeps the extension that bqemulator does not start without
SHARD_BYTES = 1 << 15  # of what is exported at once; less than BigQuery's gigabyte, so that little is many files
SPATIAL = "from duckdb_extensions import import_extension; import_extension('spatial')"


def install() -> None:
    TOOL.install(_add_extension)


@contextmanager
def running(folder: Path) -> Iterator[Emulator]:
    """Raises Missing; where CI=true it is installed first."""
    if os.environ.get("CI") == "true":
        install()
    if not TOOL.is_installed():
        raise Missing("bqemulator is not installed: python -m scripts.bigquery")

    def command(port: int) -> Sequence[str]:
        told = {"HOME": str(HOME), "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false", "BQEMU_GCS_LOCAL_ROOT": str(folder)}
        told["BQEMU_EXPORT_SHARD_THRESHOLD_BYTES"] = str(SHARD_BYTES)
        told["PYTHONDONTWRITEBYTECODE"] = ""  # it compiles four seconds long, every time where that is set
        variables = [f"{name}={value}" for name, value in told.items()]
        served = ["--rest-host", "127.0.0.1", "--rest-port", str(port), "--grpc-port", "0", "--ephemeral", "--log-level", "error"]
        return ["env", *variables, TOOL.command("bqemulator"), "start", *served]

    bigquery = Emulator("bigquery", command, folder, first="/healthz")
    try:
        bigquery.start().wait_until_up()
        yield bigquery
    finally:
        bigquery.stop()


def _add_extension() -> None:
    HOME.mkdir()
    subprocess.run([TOOL.command("python"), "-c", SPATIAL], env=os.environ | {"HOME": str(HOME)}, check=True)


if __name__ == "__main__":
    install()
