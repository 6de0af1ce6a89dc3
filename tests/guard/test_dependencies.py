"""What krai imports is declared, pinned, explained and used."""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from tests.guard.source import ROOT, Module, plant, read_modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: list[str] = [re.split(r"[\[=<>~! ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]]
DEV: list[str] = [re.split(r"[\[=<>~! ]", requirement)[0] for requirement in PROJECT["dependency-groups"]["dev"]]


def imported(modules: Iterable[Module]) -> set[str]:
    """Top-level names of what is neither krai's nor Python's own."""
    names = {name.partition(".")[0] for module in modules for _, name in module.imports()}
    return names - sys.stdlib_module_names - {"krai", "main", "worker"}


def mismatches(modules: Iterable[Module], declared: Iterable[str]) -> set[str]:
    """What is imported but not declared, and what is declared but not imported, by import name."""
    return imported(modules) ^ {name.replace("-", "_") for name in declared}


def explained(page: str) -> set[str]:
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package", "---"}


def test_krai_declares_what_it_imports_and_nothing_else() -> None:
    assert mismatches(read_modules(), RUNTIME) == set()


def test_every_dependency_has_its_reason() -> None:
    assert explained((ROOT / "docs" / "dependencies.md").read_text()) == {*RUNTIME, *DEV}


def test_every_dependency_is_pinned() -> None:
    pinned = re.findall(
        r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE
    )
    assert {*RUNTIME, *DEV} <= set(pinned)
    assert len(pinned) == len(set(pinned))


def test_an_undeclared_and_an_unused_dependency_are_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/job.py": "import os\nfrom krai import errors\nfrom attrs import define\nimport pydantic_core"})
    assert mismatches(modules, ["pydantic-core", "left-pad"]) == {"attrs", "left_pad"}


def test_a_dependency_without_a_reason_is_not_explained() -> None:
    assert explained("| package | for |\n| --- | --- |\n| pydantic-core | errors |\nword | x |\n") == {"pydantic-core"}
