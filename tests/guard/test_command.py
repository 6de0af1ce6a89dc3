"""The command starts at once: it loads nothing of the server, and little else."""

import json
import subprocess
import sys
import tomllib

import pytest

from krai import __main__ as krai_main
from tests.guard.source import ROOT

LOOK = """
import json, os, sys
from krai.cli.app import main
main(["--help"])
print(json.dumps({"loaded": sorted(sys.modules), "took_s": sum(os.times()[:2])}))
"""
HEAVY = {"pyarrow", "duckdb", "sqlglot", "fastapi", "starlette", "numpy", "httpx", "cryptography", "google", "sqlalchemy", "structlog"}
MOST_S = 0.4


def start() -> tuple[set[str], float]:
    """What `krai --help` loads, and the processor time that it takes."""
    said = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, check=True, capture_output=True, text=True)
    seen = json.loads(said.stdout.splitlines()[-1])
    return {name.partition(".")[0] for name in seen["loaded"]}, float(seen["took_s"])


@pytest.fixture(scope="module")
def starts() -> list[tuple[set[str], float]]:
    return [start() for _ in range(3)]


def test_help_loads_nothing_of_the_server(starts: list[tuple[set[str], float]]) -> None:
    assert HEAVY & starts[0][0] == set()


def test_the_script_of_the_package_is_the_command() -> None:
    module, _, name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["krai"].partition(":")
    assert (module, name) == (krai_main.__name__, krai_main.main.__name__)


def test_help_takes_a_moment(starts: list[tuple[set[str], float]]) -> None:
    """The least of three: processor time counts what others on the machine do to its caches."""
    assert min(took_s for _, took_s in starts) < MOST_S
