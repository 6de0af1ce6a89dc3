"""What a run shows while it lasts and when it is over."""

import sys
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.chaos.book import Book

SAY_EVERY_S = 10.0


@dataclass(slots=True)
class Watched:
    """A bar on a terminal, a line every ten seconds anywhere else."""

    book: Book
    lasts_s: float
    began_at: float = field(default_factory=time.monotonic)
    _said_at: float = field(default=0.0)
    _bar: Progress | None = field(default=None)

    def __post_init__(self) -> None:
        if sys.stdout.isatty():
            self._bar = Progress(BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar.add_task("", total=self.lasts_s)
            self._bar.start()

    def show(self) -> None:
        passed_s = time.monotonic() - self.began_at
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=passed_s, description=_line(self.book))
        elif passed_s - self._said_at >= SAY_EVERY_S:
            self._said_at = passed_s
            print(f"{max(0, self.lasts_s - passed_s):4.0f} s left, {_line(self.book)}", flush=True)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _line(book: Book) -> str:
    faults = ", ".join(f"{kind} {count}" for kind, count in sorted(book.faults.items()))
    broken = f"; {len(book.violations)} violations" if book.violations else ""
    return f"{book.submitted} jobs, {book.finished} finished; faults: {faults}{broken}"


def table(rows: dict[str, object]) -> None:
    shown = Table(show_header=False)
    for name, value in rows.items():
        shown.add_row(name, str(value))
    Console(width=120).print(shown)
