"""How many jobs a second how many workers do, and what bends first: the tables of docs/scaling.md, which `make settings` writes there.

On paper, of figures that docs/performance.md has measured and of Google's limits as their pages state them; docs/scaling.md names both.
"""

import math
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"

# As the chart has them.
SLOTS, CORES = 2, 1.0
PER_WORKER, POLLING_S = 5, 15

# Measured: docs/performance.md, `make bench-gcp` and `make bench ARGS="--only growth"`.
CHILDREN_MS, WORKER_MS = 10.1, 5.4
WRITES, READS = 3, 3  # of a small export; two of the reads came with webhooks
IMPORT_5_M_S, IMPORT_50_M_S = 1.52, 14.1

# Assumed: what an emulator cannot show.
CALLS, CALL_S = 15, 0.02  # of a small export, one after the other
POD_S, NODE_S = 10, 90  # until a pod works on a node that is there, and until there is one

# Google's limits.
SEQUENTIAL_WRITES = 500  # a second, into a collection with an indexed field that only grows, as the time of a job does
FIRST_OPERATIONS, STEP, STEP_MIN = 500, 1.5, 5  # the rule 500/50/5
PUBSUB_KB = 200_000  # a second, published in a large region, by at least 1 kB a request
SAMPLED_S, SHOWN_S = 60, 120  # num_undelivered_messages in Cloud Monitoring

# krai's and Kubernetes' own.
COUNTED_S, AUTOSCALER_S = 15, 15


@dataclass(frozen=True)
class Kind:
    name: str
    takes_s: float
    processor_s: float

    @property
    def a_second(self) -> float:
        """That one worker does: as many as its slots let begin, and as its core can bear."""
        return min(SLOTS / self.takes_s, CORES / self.processor_s)


KINDS = (
    Kind("small export", CALLS * CALL_S, (CHILDREN_MS + WORKER_MS) / 1000),
    Kind("import of 5 M rows", IMPORT_5_M_S, IMPORT_5_M_S),
    Kind("import of 50 M rows", IMPORT_50_M_S, IMPORT_50_M_S),
)
FIRESTORE_JOBS = SEQUENTIAL_WRITES / WRITES


def jobs(kind: Kind, workers: int) -> float:
    return min(workers * kind.a_second, FIRESTORE_JOBS)


def first_minutes(jobs_a_second: float) -> int:
    """After which a database that is new may be asked for so much."""
    return STEP_MIN * max(0, math.ceil(math.log(jobs_a_second * (WRITES + READS) / FIRST_OPERATIONS, STEP)))


def notices_s(*, by_cloud_monitoring: bool, node: bool) -> int:
    """From the first message too many to the worker that takes it."""
    measured = SAMPLED_S + SHOWN_S if by_cloud_monitoring else COUNTED_S
    return measured + POLLING_S + AUTOSCALER_S + (POD_S if node else POD_S + NODE_S)


def number(value: float) -> str:
    """Two digits at least."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - that is where two digits begin


def rows(head: tuple[str, ...], *lines: tuple[str, ...]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ("---",) * len(head), *lines))


def workers_table() -> str:
    counts = (1, 3, 10, 30, 100)
    lines = [(kind.name, number(kind.a_second), *(number(jobs(kind, count)) for count in counts)) for kind in KINDS]
    return rows(("jobs a second", "a worker's own", *("1 worker", *(f"{count} workers" for count in counts[1:]))), *lines)


def limits_table() -> str:
    small = KINDS[0]
    return rows(
        ("what bends", "sum", "jobs a second"),
        (
            "Firestore, jobs in order of time",
            f"{SEQUENTIAL_WRITES} writes ÷ {WRITES} writes a job",
            f"**{number(FIRESTORE_JOBS)}**, which is {number(FIRESTORE_JOBS * 86_400 / 1e6)} M a day",
        ),
        (
            "Firestore, a new database",
            f"{FIRST_OPERATIONS} operations ÷ {WRITES + READS} a job, half as many again every {STEP_MIN} minutes",
            f"{number(FIRST_OPERATIONS / (WRITES + READS))}, and {number(FIRESTORE_JOBS)} after {first_minutes(FIRESTORE_JOBS)} minutes",
        ),
        ("Firestore, one dataset", "1 write a second to its document ÷ 1 commit an import", "1 import into it"),
        ("Pub/Sub", f"{PUBSUB_KB:,} kB ÷ 1 kB a job", f"{PUBSUB_KB:,}"),
        (
            "a worker's core",
            f"{CORES:g} ÷ ({CHILDREN_MS} ms + {WORKER_MS} ms)",
            f"{number(CORES / small.processor_s)} small exports a worker, with {math.ceil(small.takes_s / small.processor_s)} slots",
        ),
    )


def lag_table() -> str:
    lines = []
    for trigger, by_cloud in (("`prometheus`, `pubsub`", True), ("`backlog`", False)):
        measured = f"{SAMPLED_S} + {SHOWN_S}" if by_cloud else f"{COUNTED_S}"
        here, made = (notices_s(by_cloud_monitoring=by_cloud, node=node) for node in (True, False))
        lines.append((trigger, f"{measured} + {POLLING_S} + {AUTOSCALER_S} + {POD_S}", f"{here} s", f"{made} s", number(burst(here))))
    return rows(("trigger", "sum, in s", "node there", "node to be made", f"waiting by then, of {BURST} small exports a second"), *lines)


BURST = 20


def burst(lag_s: float) -> float:
    """Small exports that wait when the second worker comes, of `BURST` a second on one."""
    return (BURST - KINDS[0].a_second) * lag_s


TABLES = {"workers": workers_table, "limits": limits_table, "lag": lag_table}


def with_tables(page: str) -> str:
    for name, table in TABLES.items():
        before, _, rest = page.partition(f"<!-- {name} -->\n")
        page = f"{before}<!-- {name} -->\n{table()}<!-- end of {name} -->{rest.partition(f'<!-- end of {name} -->')[2]}"
    return page
