"""What the OpenAPI description promises, held against a running krai with requests that schemathesis makes of it, good ones and bad."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, embedded, gcp
from tests.acceptance.krai_process import QUICK, ROOT
from tests.hostile.ground import check_lines

pytestmark = EMBEDDED_IN_THE_GATE

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SEED, EXAMPLES = 46, 4
WITHIN_S = 240
CASES = re.compile(r"(\d+) generated")


@pytest.fixture(scope="module")
def krai(mode: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One of its own: what is sent here deletes datasets and lets people in."""
    home, env = tmp_path_factory.mktemp("schemathesis") / "data", QUICK | {"API_KEY": secrets.token_hex(16)}
    with embedded(home, env) if mode == "embedded" else gcp(home, env, request.getfixturevalue("emulators")) as krai:
        yield krai.start()


def test_krai_is_as_it_describes_itself(krai: Deployment, tmp_path: Path) -> None:
    """No answer that is not described, none of a server at its end, and none without a credential."""
    pids = [process.pid for process in krai.processes]
    key = krai.krai.http.headers["x-api-key"]
    command = [
        str(SCHEMATHESIS),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{krai.api.base_url}/openapi.json",
        "--header",
        f"x-api-key: {key}",
        "--no-color",
        "--warnings=off",
    ]
    command += ["--checks=all", f"--seed={SEED}", f"--max-examples={EXAMPLES}"]
    command += ["--generation-database=none", "--continue-on-failure", "--no-shrink"]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.hostile.schemathesis_checks", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=WITHIN_S)  # noqa: PLW1510 - its text says more
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{krai.api.log()}"
    generated = CASES.search(done.stdout)
    assert generated is not None
    assert int(generated[1]) > 500
    assert [process.pid for process in krai.processes] == pids
    for process in krai.processes:
        assert process.runs
        check_lines(process, 0)
        assert key not in process.whole_log()
