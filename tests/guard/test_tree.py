"""The top level holds what belongs there, and no file knows the machine it was written on."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.guard.source import ROOT

TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "Makefile",
    "README.md",
    "bench",
    "compose.yaml",
    "docs",
    "frontend",
    "gitops",
    "helm",
    "krai",
    "main.py",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements.txt",
    "scripts",
    "terraform",
    "test_main.py",
    "tests",
    "worker.py",
}

OF_A_MACHINE = re.compile(
    r"(?<![\w.~$}])/(?:home|Users)/\w"  # somebody's home
    r"|(?<![\w./~$}-])/(?:root|work)/\w"  # root's, or a build's folder
    r"|\b(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org)\b"  # where packages come from is the machine's affair
    r"|--(?:extra-)?index-url|--find-links"
)
# They look for these words, so they have them.
MAY_NAME_THEM = {"tests/guard/test_tree.py"}


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]


def strangers(paths: Iterable[str]) -> set[str]:
    return {path.partition("/")[0] for path in paths} - TOP_LEVEL


def traces_of_a_machine(root: Path, paths: Iterable[str]) -> list[str]:
    found = []
    for path in paths:
        content = (root / path).read_bytes()
        if b"\0" in content or path in MAY_NAME_THEM:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            if OF_A_MACHINE.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    return found


def test_the_top_level_holds_only_what_belongs_there() -> None:
    assert strangers(tracked_files()) == set()


def test_no_file_knows_a_machine() -> None:
    assert traces_of_a_machine(ROOT, tracked_files()) == []


def test_a_stranger_at_the_top_level_is_found() -> None:
    assert strangers(["README.md", "notes.txt", "tmp/a.py", "krai/notes.txt"]) == {"notes.txt", "tmp"}


@pytest.mark.parametrize(
    "line",
    [
        "DATA = '/home/ann/data'",
        "open(/Users/ann/x)",
        "cd /root/krai",
        "PATH=/work/main/.venv/bin",
        "pip install --index-url https://example.org/simple",
        '"resolved": "https://registry.npmjs.org/vite"',
    ],
)
def test_a_trace_of_a_machine_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"fine\n{line}\n")
    assert [finding.partition(": ")[0] for finding in traces_of_a_machine(tmp_path, ["a.txt"])] == ["a.txt:2"]


@pytest.mark.parametrize(
    "line", ["a /homepage/x", "$HOME/x", "docs/work/list.md", "GET /api/v1/users/ann", "tmp_path/root/x", "/worker/loop.py"]
)
def test_other_paths_are_fine(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(line)
    assert traces_of_a_machine(tmp_path, ["a.txt"]) == []
