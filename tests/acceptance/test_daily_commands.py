"""What a newcomer does first works as written: the README's calls, the curl drive, the demo."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.deployment import NewKrai
from tests.acceptance.krai_client import DEMO_KEY
from tests.acceptance.krai_process import ROOT, KraiProcess

BASH_BLOCK = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)


EMBEDDED = pytest.mark.parametrize("mode", ["embedded"], scope="module")  # what one command starts


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> KraiProcess:
    return new_krai({}).start().api


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


@EMBEDDED
def test_the_calls_of_the_readme_work_when_pasted_in_order(krai: KraiProcess, tmp_path: Path) -> None:
    blocks = BASH_BLOCK.findall((ROOT / "README.md").read_text())
    assert len(blocks) == 7
    calls = "".join(blocks).replace("http://127.0.0.1:8080", krai.base_url)

    pasted = run("bash", "-eu", "-c", calls, cwd=tmp_path)

    assert pasted.returncode == 0, pasted.stderr
    assert len((tmp_path / "users.csv").read_text().splitlines()) == 10_001
    accepted, own, key = map(json.loads, pasted.stdout.splitlines()[-1].replace("}{", "}\n{").splitlines())
    assert key["key"].startswith("krai_")
    assert krai.client.result_of(accepted["job_id"])["records_inserted"] > 0
    assert krai.client.result_of(own["job_id"])["records_inserted"] == 10_000


def test_the_curl_drive_is_content(krai: KraiProcess) -> None:
    driven = run("scripts/test-api.sh", krai.base_url, krai.env.get("API_KEY", DEMO_KEY))
    assert (driven.returncode, driven.stdout.splitlines()[-1]) == (0, "All is well."), driven.stdout + driven.stderr


def test_the_curl_drive_says_what_is_off(krai: KraiProcess) -> None:
    driven = run("scripts/test-api.sh", krai.base_url, "not-the-key")
    assert driven.returncode != 0
    assert "FAILED\n  POST /api/v1/exports answered 401 instead of 202." in driven.stdout


def test_the_demo_takes_a_file_in_and_gives_it_out() -> None:
    shown = run(sys.executable, "-m", "scripts.demo")
    assert shown.returncode == 0, shown.stdout + shown.stderr
