"""`python worker.py --sweep-once`, for a schedule where workers scale to zero."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from krai.backends.local.jobs import LocalJobStore
from tests.acceptance.krai_process import NOT_INHERITED, ROOT
from tests.contract.examples import a_job
from tests.queues import waiting


def run(data_dir: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not NOT_INHERITED.match(name)}
    command = [sys.executable, "worker.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**inherited, "KRAI_DATA_DIR": str(data_dir)}, capture_output=True, text=True, timeout=60, check=False
    )


async def test_a_job_that_nobody_was_told_of_is_published(tmp_path: Path) -> None:
    jobs = LocalJobStore(tmp_path / "jobs.sqlite")
    await jobs.create(replace(a_job(), due_at=jobs.now() - timedelta(seconds=1)))
    await jobs.create(replace(a_job(), due_at=jobs.now() + timedelta(seconds=60)))
    await jobs.close()
    swept = run(tmp_path, "--sweep-once")
    assert swept.returncode == 0, swept.stderr
    assert waiting(tmp_path) == 1
    assert run(tmp_path, "--sweep-once").returncode == 0
    assert waiting(tmp_path) == 1


def test_any_other_argument_is_refused(tmp_path: Path) -> None:
    refused = run(tmp_path, "--sweep")
    assert refused.returncode != 0
    assert "usage" in refused.stderr
