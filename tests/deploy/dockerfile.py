"""What a Dockerfile says, and what of a folder `docker build` would be given: as far as the tests have to know."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.guard.source import ROOT


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str  # one line, whatever it was

    @property
    def words(self) -> list[str]:
        return [word for word in self.text.split() if not word.startswith("--")]

    def exec_form(self) -> list[str]:
        """The words of a JSON array, as in `CMD ["python", "main.py"]`."""
        words: list[str] = json.loads(self.text[self.text.index("[") :])
        return words


@dataclass(frozen=True)
class Dockerfile:
    stages: list[list[Instruction]]

    @classmethod
    def read(cls, path: str) -> Self:
        lines = [line for line in (ROOT / path).read_text().splitlines() if line.strip() and not line.startswith("#")]
        instructions = [Instruction(*line.split(maxsplit=1)) for line in re.sub(r"\\\n", "", "\n".join(lines)).splitlines()]
        stages: list[list[Instruction]] = []
        for instruction in instructions:
            if instruction.name == "FROM":
                stages.append([])
            stages[-1].append(instruction)
        return cls(stages)

    def all(self, name: str) -> Iterator[Instruction]:
        return (instruction for stage in self.stages for instruction in stage if instruction.name == name)

    def last(self, name: str) -> Instruction:
        """The one that holds for the image."""
        return [instruction for instruction in self.stages[-1] if instruction.name == name][-1]

    def copied(self) -> set[str]:
        """Files and folders that are taken from the context."""
        return {source for copy in self.all("COPY") if "--from=" not in copy.text for source in copy.words[:-1]}

    def environment(self) -> dict[str, str]:
        pairs = " ".join(instruction.text for instruction in self.stages[-1] if instruction.name == "ENV")
        return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|\S*)', pairs)}


def context(ignored: str, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that a .dockerignore of this text lets through: the last line that fits decides, and what fits a folder
    fits all in it (https://docs.docker.com/build/concepts/context/#dockerignore-files)."""
    rules = [(not line.startswith("!"), _pattern(line.lstrip("!"))) for line in ignored.splitlines() if line and not line.startswith("#")]
    kept = set()
    for path in paths:
        above = [path, *(str(parent) for parent in Path(path).parents[:-1])]
        decisions = [excludes for excludes, pattern in rules if any(pattern.fullmatch(name) for name in above)]
        if not decisions or not decisions[-1]:
            kept.add(path)
    return kept


def _pattern(line: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", line.strip("/"))
    return re.compile("".join(parts.get(piece, re.escape(piece)) for piece in pieces))
