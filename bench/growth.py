"""The same jobs with more and more rows, each size on a server of its own: seconds, and the most memory any process held."""

import csv
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from bench import data
from bench.bulk import job_s
from bench.server import server
from bench.venvs import python_of
from scripts.emulators import ROOT

SIZES = (100_000, 1_000_000, 5_000_000, 20_000_000, 50_000_000)
PICTURE = ROOT / "docs" / "growth.svg"
EXPORTS = {"export CSV": {}, "export CSV, sorted": {"order_by": ["-amount", "email"]}}


@dataclass(frozen=True, slots=True)
class Point:
    job: str
    rows: int
    took_s: float
    peak_mib: float


def measure(folder: Path, sizes: tuple[int, ...] = SIZES) -> Iterator[Point]:
    for rows in sizes:
        source, home = folder / "growing.csv", folder / f"growth-{rows}"
        data.write_csv(source, rows)
        with server(home) as served:
            upload = served.client().upload(source)
            took_s = job_s(served, "/api/v1/imports", {"dataset": "rows", "source": {"upload_id": upload}})
            yield Point("import CSV", rows, took_s, served.peak_rss_bytes() / (1 << 20))
            for job, params in EXPORTS.items():
                took_s = job_s(served, "/api/v1/exports", {"dataset": "rows", **params})
                yield Point(job, rows, took_s, served.peak_rss_bytes() / (1 << 20))
        shutil.rmtree(home)


def draw(points: list[Point], folder: Path) -> None:
    table = folder / "growth.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(astuple(point) for point in points)
    subprocess.run([str(python_of("plot")), str(ROOT / "bench" / "plot" / "growth.py"), str(table), str(PICTURE)], check=True)
