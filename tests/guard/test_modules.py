"""Files stay small, are named by what they are, and no failure ends nowhere."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.guard.source import Module, plant, read_modules

MOST_LINES = 300
MOST_LINES_OF_AN_ENTRY_POINT = 30
SAYS_NOTHING = {"manager", "helper", "helpers", "util", "utils", "base", "common", "handler", "handlers", "misc"}
EVERYTHING = {"Exception", "BaseException"}
NOQA = re.compile(r"#\s*noqa(:\s*[A-Z0-9, ]+)?")


def oversized(modules: Iterable[Module]) -> list[str]:
    found = []
    for module in modules:
        most = MOST_LINES if module.path.startswith("krai/") else MOST_LINES_OF_AN_ENTRY_POINT
        lines = len(module.text.splitlines())
        if lines > most:
            found.append(f"{module.path} has {lines} lines, more than {most}: is it one thing?")
    return found


def empty_names(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}: {word!r} does not say what is in it"
        for module in modules
        for word in sorted(SAYS_NOTHING.intersection(module.name.replace(".", "_").split("_")))
    ]


def _catches_everything(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in EVERYTHING for name in names)


def _comment_lines(text: str) -> set[int]:
    """Lines whose comment says something beyond switching a rule off."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT and NOQA.sub("", token.string).strip("# -")}


def _raised_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def silent_excepts(modules: Iterable[Module]) -> list[str]:
    """Broad excepts and suppressions without a comment on their line, the line above, or before their first statement.

    What is raised again as it came needs none.
    """
    found = []
    for module in modules:
        comments = _comment_lines(module.text)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node.type) and not _raised_again(node):
                explained_in = range(node.lineno - 1, node.body[0].lineno + 1)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress") and any(map(_catches_everything, node.args)):
                explained_in = range(node.lineno - 1, node.lineno + 1)
            else:
                continue
            if comments.isdisjoint(explained_in):
                found.append(f"{module.path}:{node.lineno}: catches everything and no comment says what becomes of it")
    return found


def test_every_file_is_one_small_thing() -> None:
    assert oversized(read_modules()) == []


def test_every_module_is_named_by_what_it_is() -> None:
    assert empty_names(read_modules()) == []


def test_every_broad_except_says_what_becomes_of_the_failure() -> None:
    assert silent_excepts(read_modules()) == []


def test_a_long_file_is_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/a.py": "\n" * 301, "krai/b.py": "\n" * 300, "main.py": "\n" * 31, "worker.py": "\n" * 30})
    assert [finding.split()[0] for finding in oversized(modules)] == ["krai/a.py", "main.py"]


@pytest.mark.parametrize("path", ["krai/utils.py", "krai/api/job_handler.py", "krai/common/jobs.py"])
def test_an_empty_name_is_found(tmp_path: Path, path: str) -> None:
    assert empty_names(plant(tmp_path, {path: "", "krai/api/based.py": ""}))[0].startswith(path)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:  # noqa: E722\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException) as e:\n    raise X from e",
        "try:\n    f()\nexcept* Exception:\n    pass",
        "with contextlib.suppress(Exception):\n    f()",
    ],
)
def test_a_silent_except_is_found(tmp_path: Path, text: str) -> None:
    assert len(silent_excepts(plant(tmp_path, {"krai/job.py": text}))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept Exception:\n    # The job is tried again.\n    pass",
        "try:\n    f()\nexcept Exception:  # noqa: BLE001 - the job is tried again\n    pass",
        "try:\n    f()\nexcept BaseException:\n    close()\n    raise",
        "try:\n    f()\nexcept ValueError:\n    pass",
    ],
)
def test_an_explained_except_is_fine(tmp_path: Path, text: str) -> None:
    assert silent_excepts(plant(tmp_path, {"krai/job.py": text})) == []
