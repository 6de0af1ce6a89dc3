"""`make bench`: what krai promises about speed and memory, measured beside its yardsticks in one run on one machine.

Only ratios count: seconds say something about this machine, not about krai. Ends with exit code 1 when a promise is not kept.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import accepting, bulk, database, growth
from bench.server import server
from bench.small import direct_export_ms

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    what: str
    ours: str
    yardstick: str
    ratio: float
    promised: float

    @property
    def kept(self) -> bool:
        return self.ratio <= self.promised


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the files in the middle part")
    parser.add_argument("--folder", type=Path, help="where to work, with room for 30 GB")
    options = parser.parse_args()
    console = Console(stderr=True)
    lines = []
    for name, part in PARTS.items():
        if options.only in {None, name}:
            with tempfile.TemporaryDirectory(prefix="krai-bench-", dir=options.folder) as folder, console.status(name):
                lines += part(Path(folder), options.rows)
    _print(lines)
    sys.exit(0 if all(line.kept for line in lines) else 1)


def _small(folder: Path, _rows: int) -> list[Line]:
    with server(folder / "small") as served:
        took = accepting.measure(served)
        direct = direct_export_ms(served.data_dir)
    allowed = 3 * took["healthz"] + took["commit"]
    return [
        Line(
            "POST of an export",
            f"{took['post']:.2f} ms",
            f"3 x GET /healthz ({took['healthz']:.2f} ms) + one durable commit ({took['commit']:.2f} ms)",
            took["post"] / allowed,
            1.0,
        ),
        Line(
            "10-row export, POST to COMPLETED",
            f"{took['post_to_completed']:.1f} ms",
            f"transfer code alone: {direct:.1f} ms",
            took["post_to_completed"] / direct,
            3.0,
        ),
    ]


def _bulk(folder: Path, rows: int) -> list[Line]:
    files = bulk.Files.make(folder, rows)
    with server(folder / "bulk") as served:
        return _measured(bulk.trials(served, files))


def _database(folder: Path, rows: int) -> list[Line]:
    with database.trials(folder, rows) as trials:
        return _measured(trials)


def _measured(trials: list[bulk.Trial]) -> list[Line]:
    return [
        Line(
            ratio.trial.what,
            f"{ratio.ours_s:.2f} s",
            f"{ratio.trial.yardstick}: {ratio.theirs_s:.2f} s",
            ratio.ours_s / ratio.theirs_s,
            ratio.trial.promised,
        )
        for ratio in bulk.measure(trials)
    ]


def _growth(folder: Path, _rows: int) -> list[Line]:
    points = list(growth.measure(folder))
    growth.draw(points, folder)
    return [
        Line(
            f"{point.job}, {point.rows / 1e6:g} M rows",
            f"{point.took_s:.2f} s",
            f"{point.peak_mib:.0f} of 512 MiB",
            point.peak_mib / 512,
            1.0,
        )
        for point in points
    ]


PARTS: dict[str, Callable[[Path, int], list[Line]]] = {"small": _small, "bulk": _bulk, "database": _database, "growth": _growth}


def _print(lines: list[Line]) -> None:
    table = Table("measured", "krai", "yardstick", "ratio", "promised", "kept")
    for line in lines:
        kept = "yes" if line.kept else "NO"
        table.add_row(line.what, line.ours, line.yardstick, f"{line.ratio:.2f}", f"<= {line.promised:.2g}", kept)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    main()
