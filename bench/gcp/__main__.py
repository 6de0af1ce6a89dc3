"""`make bench-gcp`: what krai promises on Google's emulators, each line a measurement beside its yardstick. Takes about ten minutes."""

import argparse
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from bench.gcp import accepting, idle, latency, operations, throughput
from bench.gcp.house import Site, open_site
from bench.gcp.report import Line, show

Part = Callable[[Site, argparse.Namespace], tuple[list[Line], list[str]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-gcp")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part of the table; may be given several times")
    parser.add_argument("--seconds", type=float, default=5, help="how long each server is asked to accept jobs, five times")
    parser.add_argument("--jobs", type=int, default=2000, help="tiny exports, for krai and for Celery")
    parser.add_argument("--slots", type=int, default=4, help="of the worker, and processes of Celery's")
    parser.add_argument("--exports", type=int, default=50, help="exports whose operations are counted")
    parser.add_argument("--imports", type=int, default=20, help="imports whose operations are counted")
    parser.add_argument("--rounds", type=int, default=100, help="exports at low load")
    parser.add_argument("--idle", type=float, default=60, help="seconds a worker has nothing to do")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing it has started outlives it
    console = Console(stderr=True)
    lines: list[Line] = []
    notes: list[str] = []
    with open_site() as site:
        for name in options.only or PARTS:
            with console.status(name):
                found, said = PARTS[name](site, options)
            lines += found
            notes += said
    show(lines)
    for note in notes:
        print(note)
    sys.exit(0 if all(line.kept for line in lines) else 1)


def _accepting(site: Site, options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    return accepting.measure(site, for_s=options.seconds), []


def _throughput(site: Site, options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    return throughput.measure(site, jobs=options.jobs, slots=options.slots)


def _single(site: Site, options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    """What a single job costs, in time and in operations."""
    exports, imports = operations.measure(site, exports=options.exports, imports=options.imports)
    line, took = latency.measure(site, exports, jobs=options.rounds)
    return [line, *exports.lines(), *imports.lines()], [took.note(), *exports.notes(), *imports.notes()]


def _idle(site: Site, options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    lines, note = idle.measure(site, for_s=options.idle)
    return lines, [note]


PARTS: dict[str, Part] = {"accepting": _accepting, "throughput": _throughput, "single": _single, "idle": _idle}

if __name__ == "__main__":
    main()
