"""How many jobs a second are accepted from 16 clients: by krai, by the same server on Google's synchronous clients, and by a bare loop."""

import asyncio
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass

from bench.gcp import load
from bench.gcp.house import House, Site
from bench.gcp.report import Line

CLIENTS = 16
ROUNDS = 5
EXPORT = load.post("/api/v1/exports", {"dataset": "users", "limit": 10})


@dataclass(frozen=True, slots=True)
class Rates:
    """Jobs a second."""

    krai: float
    blocking: float
    bare: float


def measure(site: Site, *, for_s: float) -> list[Line]:
    """Each round takes all three in turn, so that none has a warmer machine than the others; the ratios are medians over rounds."""
    ours, theirs = site.house(), site.house()
    for house in (ours, theirs):
        with house.worker():
            pass  # it has made the sample datasets
    with ours.api() as port, theirs.api("-m", "bench.gcp.blocking") as blocking_port:
        rounds = [
            Rates(
                krai=asyncio.run(load.rate(port, EXPORT, clients=CLIENTS, for_s=for_s)),
                blocking=asyncio.run(load.rate(blocking_port, EXPORT, clients=CLIENTS, for_s=for_s)),
                bare=_bare(ours, for_s),
            )
            for _ in range(ROUNDS)
        ]
    krai = statistics.median(rates.krai for rates in rounds)
    blocking = statistics.median(rates.blocking for rates in rounds)
    bare = statistics.median(rates.bare for rates in rounds)
    return [
        Line(
            "POST of an export, 16 clients",
            f"{krai:.0f}/s",
            f"the same server on synchronous clients: {blocking:.0f}/s",
            statistics.median(rates.krai / rates.blocking for rates in rounds),
            at_least=4,
        ),
        Line(
            "the same",
            f"{krai:.0f}/s",
            f"bare loop of create and publish: {bare:.0f}/s",
            statistics.median(rates.krai / rates.bare for rates in rounds),
            at_least=0.8,
        ),
    ]


def _bare(house: House, for_s: float) -> float:
    """In a process of its own, as the servers are."""
    command = [sys.executable, "-m", "bench.gcp.google_calls", str(CLIENTS), str(for_s)]
    told = subprocess.run(command, env={**os.environ, **house.env}, check=True, stdout=subprocess.PIPE, text=True)
    return float(told.stdout)
