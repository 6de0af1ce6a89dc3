"""What a worker without work costs: the time of the processor, its children included, and reads of Firestore."""

import time

import psutil

from bench.gcp.counts import Billed, Counts
from bench.gcp.house import Site
from bench.gcp.report import Line

SETTLED_S = 5.0  # the first sweep, and children that have just started


def measure(site: Site, *, for_s: float) -> tuple[list[Line], str]:
    house = site.house()
    counts = Counts(house.folder / "counts")
    with house.worker(**counts.env) as worker:
        time.sleep(SETTLED_S)
        counts.new_lines()
        busy_s, began = _busy_s(worker), time.monotonic()
        time.sleep(for_s)
        share = (_busy_s(worker) - busy_s) / (time.monotonic() - began)
        done = Billed.of(counts.new_lines(), "worker", "child")
    sweeps = done.looks_for_dead_letters  # one in each sweep
    lines = [
        Line(f"processor time of an idle worker, {for_s:.0f} s", f"{share:.2%}", "one core", share * 100, at_most=1),
        Line("Firestore reads of a sweep", f"{done.reads} reads, {sweeps} sweeps", "", done.reads / max(1, sweeps), at_most=1),
    ]
    asked = ", ".join(f"{count} {what}" for what, count in sorted(done.requests.items()))
    return lines, f"idle worker in {for_s:.0f} s: {asked}"


def _busy_s(worker: psutil.Process) -> float:
    family = [worker, *worker.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)
