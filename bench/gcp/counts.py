"""What krai's processes asked of Google between two moments, as `counting/sitecustomize.py` noted it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

COUNTING = Path(__file__).parent / "counting"
DEAD = "-dead-sub"


@dataclass(frozen=True, slots=True)
class Billed:
    """Operations as Google bills them. A query costs a read for each document, or one; pulls that brought nothing stand apart.

    `requests` are the gRPC requests by role and method, whatever they cost.
    """

    writes: int
    reads: int
    published: int
    pulls: int
    empty_pulls: int
    acked: int
    extended: int
    looks_for_dead_letters: int
    requests: Counter[str]

    @classmethod
    def of(cls, lines: Iterable[Sequence[str]], *roles: str) -> Self:
        """What processes of these roles (`main`, `worker`, `child`) did, by the lines they noted."""
        sent: Counter[str] = Counter()
        received: Counter[str] = Counter()
        requests: Counter[str] = Counter()
        pulls = dead = 0
        for role, sign, method, amount, where in lines:
            if role not in roles:
                continue
            if sign == ">":
                sent[method] += int(amount)
                requests[f"{role} {method}"] += 1
                dead += method == "Pull" and where.endswith(DEAD)
            else:
                received[method] += int(amount)
                pulls += method == "Pull" and int(amount) > 0
        return cls(
            writes=sent["Commit"] + sent["BatchWrite"],
            reads=received["BatchGetDocuments"] + max(received["RunQuery"], sent["RunQuery"]) + sent["RunAggregationQuery"],
            published=sent["Publish"],
            pulls=pulls,
            empty_pulls=sent["Pull"] - pulls - dead,
            acked=sent["Acknowledge"],
            extended=sent["ModifyAckDeadline"],
            looks_for_dead_letters=dead,
            requests=requests,
        )


class Counts:
    """The notes of the processes that are started with `env`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._seen: dict[str, int] = {}

    @property
    def env(self) -> dict[str, str]:
        return {"PYTHONPATH": str(COUNTING), "COUNT_TO": str(self._folder)}

    def new_lines(self) -> list[list[str]]:
        """What was noted since the last call."""
        new: list[list[str]] = []
        for file in sorted(self._folder.iterdir()):
            lines = file.read_text().splitlines()
            new += [line.split() for line in lines[self._seen.get(file.name, 0) :]]
            self._seen[file.name] = len(lines)
        return new
