"""Every problem code that is raised is listed, and every listed code is raised."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from krai.errors import PROBLEMS
from tests.guard.source import Module, plant, read_modules

# Who takes a problem code, and as which argument.
TAKES_A_CODE = {"KraiError": 0, "Terminal": 0, "Transient": 0, "FieldError": 1}


def _literals(argument: ast.expr) -> list[str]:
    """The texts an argument can be: a literal, or either branch of a condition."""
    if isinstance(argument, ast.IfExp):
        return _literals(argument.body) + _literals(argument.orelse)
    return [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else []


def raised_codes(module: Module) -> list[tuple[int, str]]:
    """Line and code of each problem that is made with a literal code."""
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        position = TAKES_A_CODE.get(ast.unparse(node.func).rpartition(".")[2])
        if position is None:
            continue
        arguments = node.args[position : position + 1] + [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        found += [(node.lineno, code) for argument in arguments for code in _literals(argument)]
    return found


def unlisted_codes(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{line}: {code!r} is not listed in krai/errors.py"
        for module in modules
        for line, code in raised_codes(module)
        if code not in PROBLEMS
    ]


def unused_codes(modules: Iterable[Module]) -> set[str]:
    """Listed codes that stand nowhere in krai outside the list: promises that nothing keeps."""
    elsewhere = {
        node.value
        for module in modules
        if module.path != "krai/errors.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return set(PROBLEMS) - elsewhere


def test_every_code_that_is_raised_is_listed() -> None:
    assert unlisted_codes(read_modules()) == []


def test_every_listed_code_is_used() -> None:
    assert unused_codes(read_modules()) == set()


@pytest.mark.parametrize(
    "text",
    [
        "raise Terminal('novel')",
        "raise errors.Transient(code='novel')",
        "FieldError('/dataset', 'novel', 'no')",
        "raise Terminal('novel' if x else 'not_found')",
    ],
)
def test_an_unlisted_code_is_found(tmp_path: Path, text: str) -> None:
    assert unlisted_codes(plant(tmp_path, {"krai/job.py": text})) == ["krai/job.py:1: 'novel' is not listed in krai/errors.py"]


def test_an_unused_code_is_found(tmp_path: Path) -> None:
    every_code = "\n".join(repr(code) for code in PROBLEMS)
    assert unused_codes(plant(tmp_path, {"krai/errors.py": every_code, "krai/job.py": every_code})) == set()
    assert unused_codes(plant(tmp_path, {"krai/job.py": every_code.replace("'not_found'", "")})) == {"not_found"}
