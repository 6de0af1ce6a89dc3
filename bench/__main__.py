"""`make bench`: one table, each line a measurement beside its yardstick and the ratio that is promised. Takes about two minutes."""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import accepting, bulk
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
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the first file; the second has four times as many")
    parser.add_argument("--folder", type=Path, help="where to work, with room for many copies of the larger file")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="krai-bench-", dir=options.folder) as folder:
        lines = [*_serving(Path(folder), console), *_bulk(Path(folder), options.rows, console)]
    _print(lines)
    sys.exit(0 if all(line.kept for line in lines) else 1)


def _serving(folder: Path, console: Console) -> list[Line]:
    with console.status("small jobs"), server(folder / "small") as served:
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


def _bulk(folder: Path, rows: int, console: Console) -> list[Line]:
    results = []
    for count in (rows, 4 * rows):
        with console.status(f"{count:,} rows"), server(folder / f"bulk-{count}") as served:
            results.append(bulk.measure(served, folder, count))
    small, large = results
    size = f"{small.rows / 1e6:g} M rows, {small.source_bytes / 1e6:.0f} MB"
    return [
        Line(
            f"import CSV, {size}",
            f"{small.import_s:.2f} s",
            f"DuckDB CSV to Parquet: {small.duckdb_s:.2f} s",
            small.import_s / small.duckdb_s,
            2.0,
        ),
        Line(
            f"export CSV, {size}",
            f"{small.export_s:.2f} s",
            f"Polars sink_csv: {small.polars_s:.2f} s",
            small.export_s / small.polars_s,
            1.4,
        ),
        Line(
            "peak memory of a process, same jobs", f"{small.peak_rss_bytes / MIB:.0f} MiB", "512 MiB", small.peak_rss_bytes / MIB / 512, 1.0
        ),
        Line(
            f"peak memory, {large.rows / 1e6:g} M rows",
            f"{large.peak_rss_bytes / MIB:.0f} MiB",
            f"with {small.rows / 1e6:g} M rows: {small.peak_rss_bytes / MIB:.0f} MiB",
            large.peak_rss_bytes / small.peak_rss_bytes,
            1.1,
        ),
    ]


def _print(lines: list[Line]) -> None:
    table = Table("measured", "krai", "yardstick", "ratio", "promised", "kept")
    for line in lines:
        table.add_row(line.what, line.ours, line.yardstick, f"{line.ratio:.2f}", f"<= {line.promised:g}", "yes" if line.kept else "NO")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    main()
