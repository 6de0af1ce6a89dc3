"""The images as far as they can be looked at without building them: what goes in, who it runs as, how it says that it lives."""

import subprocess
import sys
from pathlib import Path

import pytest

from krai import settings
from scripts.ports import free_port
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.waiting import until
from tests.deploy.dockerfile import Dockerfile, context
from tests.guard.source import ROOT
from tests.guard.test_tree import tracked_files

IMAGES = ("Dockerfile", "frontend/Dockerfile")
BACKEND = Dockerfile.read("Dockerfile")
FRONTEND = Dockerfile.read("frontend/Dockerfile")
NOT_IN_GIT = [".env", "key.json", "krai/.env", "krai/api/__pycache__/app.cpython-312.pyc", ".krai/krai.sqlite", ".git/config", ".venv/x"]


def lint(file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("hadolint")), "--no-color", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("image", IMAGES)
def test_hadolint_is_content(image: str) -> None:
    found = lint(ROOT / image)
    assert found.returncode == 0, found.stdout


def test_hadolint_finds_fault(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert lint(tmp_path / "Dockerfile").returncode == 1


def test_the_image_has_the_code_and_nothing_else() -> None:
    assert BACKEND.copied() == {"requirements.txt", "main.py", "worker.py", "krai", "scripts/provision.py"}
    given = context((ROOT / ".dockerignore").read_text(), [*tracked_files(), *NOT_IN_GIT])
    code = {path for path in tracked_files() if path.startswith("krai/")}
    assert given == {"requirements.txt", "main.py", "worker.py", "scripts/provision.py", *code}
    assert {Path(path).suffix for path in code} <= {".py", ".csv"}


def test_the_image_of_the_dashboard_has_what_it_is_built_from() -> None:
    inside = [path.removeprefix("frontend/") for path in tracked_files() if path.startswith("frontend/")]
    given = context((ROOT / "frontend" / ".dockerignore").read_text(), [*inside, ".env", "node_modules/x/y.js", "dist/index.html"])
    assert set(inside) - given == {".dockerignore", "Dockerfile", "biome.jsonc"}
    assert given <= set(inside)


@pytest.mark.parametrize("image", [BACKEND, FRONTEND])
def test_nobody_is_root_and_what_the_last_stage_takes_from_others_was_built_in_this_file(image: Dockerfile) -> None:
    user, _, group = image.last("USER").text.partition(":")
    assert int(user) > 0, "by number: Kubernetes does not look names up"
    assert int(group) > 0
    assert all("--from=build" in copy.text for copy in image.stages[-1] if copy.name == "COPY" and image is BACKEND)


def test_krai_is_user_10001() -> None:
    made = " ".join(run.text for run in BACKEND.stages[-1] if run.name == "RUN")
    assert "groupadd --gid 10001 krai" in made
    assert "useradd --uid 10001 --gid 10001" in made
    assert BACKEND.last("USER").text == "10001:10001"


def test_only_what_was_locked_is_installed() -> None:
    installs = [run.text for run in BACKEND.all("RUN") if "pip" in run.text and "--requirement" in run.text]
    assert len(installs) == 1
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(installs[0].split())
    assert not [run.text for run in BACKEND.all("RUN") if "apt" in run.text or "curl" in run.text]
    assert [run.text for run in FRONTEND.all("RUN") if "npm install" in run.text] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_its_checksums(name: str) -> None:
    pins = (ROOT / name).read_text().replace("\\\n", "").splitlines()
    assert [pin for pin in pins if "==" in pin and "--hash=sha256:" not in pin] == []


def test_the_environment_of_the_image_is_made_of_settings() -> None:
    known = {name for name, _, _ in settings.rows()}
    assert {name for name in BACKEND.environment() if "PYTHON" not in name and name != "PATH"} <= known


def test_a_file_that_no_line_names_stays_outside() -> None:
    ignored = "# why\n*\n!krai\n!scripts/one.py\n**/__pycache__\n"
    paths = ["a.py", "krai/a.py", "krai/b/__pycache__/a.pyc", "scripts/one.py", "scripts/two.py", "kraix/a.py"]
    assert context(ignored, paths) == {"krai/a.py", "scripts/one.py"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images") / "data"


def is_healthy(process: KraiProcess) -> bool:
    """What the image asks of its process 1, asked of this one."""
    python, *arguments = BACKEND.last("HEALTHCHECK").exec_form()
    assert python == "python"
    command = [argument.replace("/proc/1/", f"/proc/{process.pid}/") for argument in arguments]
    environment = {"PORT": str(process.port), "KRAI_METRICS_PORT": process.env["KRAI_METRICS_PORT"]}
    return subprocess.run([sys.executable, *command], env=environment, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc, as it does in the image")
@pytest.mark.parametrize("script", ["main.py", "worker.py"])
def test_the_image_sees_whether_its_process_lives(data_dir: Path, script: str) -> None:
    process = KraiProcess(data_dir, script=script, env={"KRAI_METRICS_PORT": str(free_port())})
    try:
        process.spawn()
        assert not is_healthy(process), "before it has begun"
        until("it is healthy", lambda: is_healthy(process), within_s=60)
        process.freeze()
        assert not is_healthy(process)
    finally:
        process.stop()
