"""Whoever ends a job writes with its end who wants to hear of it: `krai.webhooks.endings` does, and nothing writes an end past it."""

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.guard.source import Module, plant, read_modules

ENDS = {"transitions.complete", "transitions.fail", "transitions.cancel", "spent"}
WRITES = {"swap", "write"}


def ends_past_it(modules: Iterable[Module]) -> list[str]:
    return [
        f"{module.path}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        and ast.unparse(node.func) != "endings.swap"
        and any(ast.unparse(part) in ENDS for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.expr))
    ]


def test_every_end_is_told() -> None:
    assert ends_past_it(read_modules()) == []


def planted(root: Path, *lines: str) -> list[str]:
    return ends_past_it(plant(root, {"krai/a.py": "\n".join(["async def f():", *(f"    await {line}" for line in lines), ""])}))


def test_an_end_that_is_told_to_nobody_is_found(tmp_path: Path) -> None:
    told = "endings.swap(stores, job, partial(transitions.fail, error=error))"
    assert planted(tmp_path, told, "jobs.swap(job, transitions.release(job, now))") == []
    for past in (
        "jobs.swap(job, transitions.cancel(job, now))",
        "lease.write(lambda job: transitions.fail(job))",
        "jobs.swap(job, spent(job))",
    ):
        assert len(planted(tmp_path, told, past)) == 1, past
