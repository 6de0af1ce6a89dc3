"""The table of `make bench-gcp`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Line:
    """A measurement beside its yardstick; `value` is what was promised to be at least, or at most, so much."""

    what: str
    ours: str
    yardstick: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def kept(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (self.at_most is None or self.value <= self.at_most)

    @property
    def promised(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


def show(lines: Sequence[Line]) -> None:
    table = Table("measured", "krai", "yardstick", "value", "promised", "kept")
    for line in lines:
        table.add_row(line.what, line.ours, line.yardstick, f"{line.value:.2f}", line.promised, "yes" if line.kept else "NO")
    Console(width=None if sys.stdout.isatty() else 180).print(table)
