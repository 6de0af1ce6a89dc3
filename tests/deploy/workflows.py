"""The workflows as their files say them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.guard.source import ROOT

FOLDER = ROOT / ".github" / "workflows"
USES = re.compile(r"^\s*(?:- )?uses: (?P<what>\S+)(?: # (?P<version>\S+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Workflow:
    name: str
    text: str
    content: dict[Any, Any]

    @property
    def triggers(self) -> set[str]:
        # YAML 1.1 takes `on` for a truth value.
        return set(self.content[True])

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        jobs: dict[str, dict[str, Any]] = self.content["jobs"]
        return jobs

    def steps(self) -> Iterator[dict[str, Any]]:
        for job in self.jobs.values():
            yield from job.get("steps", [])

    def named(self, context: str) -> set[str]:
        """What is read of `secrets` or `vars`."""
        return set(re.findall(rf"\b{context}\.([A-Z_]+)", self.text))

    def writes(self) -> dict[str, set[str]]:
        """By job, what it may change."""
        rights = {name: {scope for scope, level in job["permissions"].items() if level == "write"} for name, job in self.jobs.items()}
        return {name: may for name, may in rights.items() if may}


def read(file: Path) -> Workflow:
    text = file.read_text()
    return Workflow(file.stem, text, yaml.safe_load(text))


WORKFLOWS = {file.stem: read(file) for file in sorted(FOLDER.glob("*.yaml"))}
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yaml"))
