"""What goes to whom: data to stdout, all else to stderr; with --json one document to stdout and nothing else."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from krai.cli.ending import ERROR, failed

LEAST_WIDTH = 160


class Output:
    """`json` is set by --json, wherever it stands."""

    def __init__(self) -> None:
        self.json = False
        self.err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

    @property
    def asks(self) -> bool:
        """Whether there is somebody at a terminal to be asked."""
        return not self.json and sys.stdin.isatty() and self.err.is_terminal

    def say(self, text: str) -> None:
        """To whoever watches."""
        if not self.json:
            self.err.print(plain(text))

    def line(self, text: str) -> None:
        """Data, for people."""
        if not self.json:
            sys.stdout.write(f"{plain(text)}\n")

    def document(self, document: Any) -> None:
        """Data, for programs."""
        if self.json:
            json.dump(document, sys.stdout, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
            sys.stdout.write("\n")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """In columns on a terminal, else a line a row with TABs between, without the head."""
        if self.json:
            return
        texts = [[plain(text(cell)).replace("\t", " ") for cell in row] for row in rows]
        if not sys.stdout.isatty():
            sys.stdout.writelines("\t".join(row) + "\n" for row in texts)
            return
        numeric = [bool(texts) and all(row[at].replace(",", "").isdigit() for row in texts) for at in range(len(head))]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, right in zip(head, numeric, strict=True):
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for row in texts:
            table.add_row(*row)
        # A narrow terminal breaks the lines itself: columns that are squeezed cannot be read, nor ids be copied.
        columns, lines = shutil.get_terminal_size()
        Console(highlight=False, markup=False, width=max(columns, LEAST_WIDTH), height=lines).print(table)

    def confirm(self, question: str) -> bool:
        """Whether somebody says yes."""
        try:
            return typer.confirm(question, err=True)
        except (typer.Abort, KeyboardInterrupt):
            return False

    def insist(self, question: str, *, yes: bool) -> None:
        """Go on only when somebody says yes, or has said so. Raises Ended, and BadParameter where nobody can be asked."""
        if yes:
            return
        if not self.asks:
            raise typer.BadParameter("There is nobody to ask: say --yes.", param_hint="--yes")
        if not self.confirm(question):
            raise failed(ERROR, "not_confirmed", "Nothing was done")


OUTPUT = Output()


def plain(text: str) -> str:
    """Without what would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def text(value: Any) -> str:
    """A cell of a table."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case list() | tuple():
            return ", ".join(map(text, value)) or "-"
    return str(value)


def count(amount: int, noun: str = "row") -> str:
    """As 1 row, 2 rows."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def size(amount_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount_bytes < 1000:  # noqa: PLR2004 - as units of the SI go
            return f"{amount_bytes:.0f} bytes" if unit == "bytes" else f"{amount_bytes:.1f} {unit}"
        amount_bytes /= 1000
    return f"{amount_bytes:.1f} TB"


def span(seconds: float) -> str:
    """As 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
