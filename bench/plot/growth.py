"""Draws rows against seconds and memory: `growth.py POINTS.csv PICTURE.svg`, of lines `job,rows,seconds,mebibytes`."""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt


def main(source: str, target: str) -> None:
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "krai", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    lines: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    with Path(source).open(newline="") as file:
        for job, rows, took_s, peak_mib in csv.reader(file):
            lines[job].append((int(rows), float(took_s), float(peak_mib)))
    figure, (time, memory) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for job, points in lines.items():
        rows, seconds, mebibytes = zip(*sorted(points), strict=True)
        time.loglog(rows, seconds, marker="o", label=job)
        memory.semilogx(rows, mebibytes, marker="o", label=job)
    time.set(title="from POST to COMPLETED", xlabel="rows", ylabel="seconds")
    memory.set(title="peak memory of any process", xlabel="rows", ylabel="MiB")
    memory.set_ylim(0, max(560, memory.get_ylim()[1]))
    memory.axhline(512, linestyle="--", color="grey")
    memory.annotate("512 MiB", (memory.get_xlim()[0] * 1.3, 520), color="grey")
    time.legend()
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
