"""Imports go downward only, each package has its place, and nothing hides a cycle."""

import ast
import graphlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from tests.guard.layers import ONLY_IN, OUT_OF_REACH, ROWS
from tests.guard.source import Module, belongs, plant, read_modules

ROW_OF = {part: number for number, row in enumerate(ROWS) for part in row}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def part_of(name: str) -> str | None:
    """The part of krai a dotted name is in, None for krai itself and all that is not krai's."""
    package, _, rest = name.partition(".")
    return rest.partition(".")[0] or None if package == "krai" else None


def upward_imports(modules: Iterable[Module]) -> list[str]:
    found = []
    for module in modules:
        own = part_of(module.name)
        if own is None:
            continue
        if own not in ROW_OF:
            found.append(f"{module.path}: krai.{own} has no row in tests/guard/layers.py")
            continue
        for line, name in module.imports():
            other = part_of(name)
            if other in ROW_OF and other != own and ROW_OF[other] >= ROW_OF[own]:
                found.append(f"{module.path}:{line}: {name} does not stand above krai.{own}")
    return found


def misplaced_imports(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{line}: {name} belongs in {', '.join(places)}"
        for module in modules
        for line, name in module.imports()
        for package, places in ONLY_IN.items()
        if belongs(name, package) and not any(belongs(module.name, place) for place in places)
    ]


def import_graph(modules: Sequence[Module]) -> dict[str, set[str]]:
    """What each module loads: krai's by their module's name (their packages come along), others by the name imported."""
    names = {module.name for module in modules}
    graph: dict[str, set[str]] = {}
    for module in modules:
        loads = graph[module.name] = set()
        for _, name in module.imports():
            parts = name.split(".")
            prefixes = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
            loads.update([prefix for prefix in prefixes if prefix in names] or [name])
        loads.discard(module.name)
    return graph


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen = {start}
    ahead = [start]
    while ahead:
        news = graph.get(ahead.pop(), set()) - seen
        seen |= news
        ahead += news
    return seen


def forbidden_reach(modules: Sequence[Module]) -> list[str]:
    graph = import_graph(modules)
    return [
        f"{module.name} loads {name}"
        for package, forbidden in OUT_OF_REACH.items()
        for module in modules
        if belongs(module.name, package)
        for name in sorted(reachable(graph, module.name))
        if any(belongs(name, out) for out in forbidden)
    ]


def import_cycles(modules: Sequence[Module]) -> list[str]:
    """A package's own __init__ is loaded before what is in it and so is no part of a cycle."""
    packages = {module.name for module in modules if module.is_package}
    graph = {name: loads - packages for name, loads in import_graph(modules).items() if name not in packages}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as cycle:
        return [" → ".join(cycle.args[1])]
    return []


def hidden_imports(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{node.lineno}: TYPE_CHECKING hides an import"
        for module in modules
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING")
        or (isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING")
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "TYPE_CHECKING" for alias in node.names))
    ]


def environment_reads(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{node.lineno}: only krai/settings.py reads the environment"
        for module in modules
        if module.path not in {"krai/settings.py", "krai/worker/allocator.py"}  # the other one writes, for its children
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and isinstance(node.value, ast.Name) and node.value.id == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and any(alias.name in ENVIRONMENT for alias in node.names))
    ]


GUARDS = [upward_imports, misplaced_imports, forbidden_reach, import_cycles, hidden_imports, environment_reads]


@pytest.mark.parametrize("guard", GUARDS)
def test_krai_holds_it(guard: Callable[[Sequence[Module]], list[str]]) -> None:
    assert guard(read_modules()) == []


def test_an_upward_import_is_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/job.py": "from krai import errors\n\ndef f():\n    from krai.ports import JobStore\n"})
    assert upward_imports(modules) == ["krai/job.py:4: krai.ports.JobStore does not stand above krai.job"]


def test_a_sideways_import_is_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/api/app.py": "from ..worker import loop\n", "krai/api/jobs.py": "from . import app\n"})
    assert upward_imports(modules) == ["krai/api/app.py:1: krai.worker.loop does not stand above krai.api"]


def test_a_part_without_a_row_is_found(tmp_path: Path) -> None:
    assert upward_imports(plant(tmp_path, {"krai/novel.py": ""})) == ["krai/novel.py: krai.novel has no row in tests/guard/layers.py"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("krai/submit.py", "from fastapi import Request"),
        ("krai/worker/loop.py", "def f():\n    import pyarrow.parquet"),
        ("krai/backends/local/jobs.py", "from google.cloud import firestore"),
        ("krai/execute.py", "from krai.backends.local.jobs import Jobs"),
        ("main.py", "from krai.backends import local"),
        ("krai/api/app.py", "from krai import wiring"),
    ],
)
def test_an_import_out_of_place_is_found(tmp_path: Path, path: str, text: str) -> None:
    [finding] = misplaced_imports(plant(tmp_path, {path: text}))
    assert finding.startswith(f"{path}:")


def test_a_package_of_a_similar_name_is_another_package(tmp_path: Path) -> None:
    assert misplaced_imports(plant(tmp_path, {"krai/transfer/sums.py": "import google_crc32c"})) == []


def test_what_the_api_loads_by_way_of_others_is_found(tmp_path: Path) -> None:
    modules = plant(
        tmp_path,
        {
            "krai/api/app.py": "from krai.submit import f",
            "krai/submit.py": "from krai.formats import csv",
            "krai/formats/csv.py": "",
            "krai/formats/__init__.py": "import pyarrow as pa",
        },
    )
    assert forbidden_reach(modules) == ["krai.api.app loads pyarrow"]


def test_a_cycle_is_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/formats/a.py": "from krai.formats import b", "krai/formats/b.py": "from krai.formats.a import f"})
    [finding] = import_cycles(modules)
    assert finding.count("→") == 2


@pytest.mark.parametrize("text", ["from typing import TYPE_CHECKING", "import typing\nif typing.TYPE_CHECKING:\n    import krai.api"])
def test_a_hidden_import_is_found(tmp_path: Path, text: str) -> None:
    assert hidden_imports(plant(tmp_path, {"krai/job.py": text}))


@pytest.mark.parametrize("text", ["import os\nos.environ['A']", "from os import getenv", "import os\nos.getenv('A')"])
def test_a_look_into_the_environment_is_found(tmp_path: Path, text: str) -> None:
    assert environment_reads(plant(tmp_path, {"krai/job.py": text}))
    assert not environment_reads(plant(tmp_path, {"krai/job.py": "", "krai/settings.py": text}))
