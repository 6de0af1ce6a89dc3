"""What a month costs at three sizes, on paper: `python -m scripts.costs` prints the tables of docs/deploy.md.

Prices are assumptions: list prices in US dollars of a region such as europe-west1, without free tiers and discounts.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "deploy.md"
BEGIN, END = "<!-- costs: made by `python -m scripts.costs --write` -->", "<!-- costs: end -->"

DAYS = 30
HOURS = 730
DAY_S = 86_400
GIB = 1024**3
SEVERAL = 100  # no decimals from there on

# What one job asks for, counted by `make bench-gcp` with what quotas, webhooks and a client that waits add (docs/performance.md).
EXPORT_READS, EXPORT_WRITES = 10, 4
IMPORT_READS, IMPORT_WRITES = 16, 7
DELETES = 2  # the job and what remembers its Idempotency-Key, when their time is over
MESSAGE_BYTES = 2 * 1000  # published and pulled; Pub/Sub counts each as 1 kB at least
OBJECTS_WRITTEN, OBJECTS_READ = 3, 8  # requests of classes A and B
JOB_CORE_S = 0.5  # processor time of a job of 10 MB, twice what is measured on one machine
# What a worker asks for that has nothing to do: two reads every 15 s, a pull every 5 s.
IDLE_READS, IDLE_PULLS = 2 * DAY_S // 15, DAY_S // 5


@dataclass(frozen=True)
class Size:
    name: str
    exports: int  # a day
    imports: int  # a day
    job_mb: int
    dataset_gib: int
    peak: int  # the busiest hour, as a multiple of the average one
    base_nodes: int  # for the API, Argo CD, KEDA and External Secrets

    @property
    def jobs(self) -> int:
        return self.exports + self.imports

    @property
    def workers(self) -> int:
        """On the average, each a core."""
        return max(1, ceil(self.jobs * JOB_CORE_S / DAY_S))

    @property
    def nodes(self) -> int:
        """Of four cores, of which three are for workers."""
        return self.base_nodes + ceil(self.jobs * JOB_CORE_S * self.peak / DAY_S / 3)

    @property
    def out_gib(self) -> float:
        """That leave Google in a month: every result is fetched once."""
        return self.exports * self.job_mb * 1e6 * DAYS / GIB

    @property
    def kept_gib(self) -> float:
        """Results are there for a day, uploads for a day, and both for a week more as what can be restored; and the datasets."""
        return self.dataset_gib + self.jobs * self.job_mb * 1e6 * 8 / GIB


SIZES = (
    Size("small", exports=100, imports=20, job_mb=10, dataset_gib=20, peak=10, base_nodes=1),
    Size("medium", exports=10_000, imports=2_000, job_mb=10, dataset_gib=500, peak=5, base_nodes=2),
    Size("large", exports=300_000, imports=30_000, job_mb=10, dataset_gib=5_000, peak=3, base_nodes=4),
)


@dataclass(frozen=True)
class Item:
    what: str
    unit: str
    usd: float  # for one unit
    source: str
    units: Callable[[Size], float]  # in a month

    def cost(self, size: Size) -> float:
        return self.usd * self.units(size)


def _reads(size: Size) -> float:
    return DAYS * (size.exports * EXPORT_READS + size.imports * IMPORT_READS + size.workers * IDLE_READS)


def _writes(size: Size) -> float:
    return DAYS * (size.exports * EXPORT_WRITES + size.imports * IMPORT_WRITES)


ITEMS = (
    Item("GKE, the cluster", "hour", 0.10, "cloud.google.com/kubernetes-engine/pricing", lambda _: HOURS),
    Item("nodes, e2-standard-4", "hour", 0.1475, "cloud.google.com/compute/vm-instance-pricing", lambda size: HOURS * size.nodes),
    Item("their disks, 100 GB each", "GiB", 0.10, "cloud.google.com/compute/disks-image-pricing", lambda size: 100 * size.nodes),
    Item("workers' volumes, 20 GiB each", "GiB", 0.10, "cloud.google.com/compute/disks-image-pricing", lambda size: 20 * size.workers),
    Item("load balancer", "hour", 0.025, "cloud.google.com/vpc/network-pricing", lambda _: HOURS),
    Item("Cloud NAT, by node", "hour", 0.0014, "cloud.google.com/nat/pricing", lambda size: HOURS * size.nodes),
    Item("Firestore, reads", "100,000", 0.03, "cloud.google.com/firestore/pricing", lambda size: _reads(size) / 1e5),
    Item("Firestore, writes", "100,000", 0.09, "cloud.google.com/firestore/pricing", lambda size: _writes(size) / 1e5),
    Item("Firestore, deletes", "100,000", 0.01, "cloud.google.com/firestore/pricing", lambda size: DAYS * size.jobs * DELETES / 1e5),
    Item(
        "Pub/Sub",
        "TiB",
        40.0,
        "cloud.google.com/pubsub/pricing",
        lambda size: DAYS * (size.jobs * MESSAGE_BYTES + size.workers * IDLE_PULLS * 1000) / (1024 * GIB),
    ),
    Item("Cloud Storage, kept", "GiB", 0.020, "cloud.google.com/storage/pricing", lambda size: size.kept_gib),
    Item(
        "Cloud Storage, class A", "1,000", 0.005, "cloud.google.com/storage/pricing", lambda size: DAYS * size.jobs * OBJECTS_WRITTEN / 1e3
    ),
    Item("Cloud Storage, class B", "1,000", 0.0004, "cloud.google.com/storage/pricing", lambda size: DAYS * size.jobs * OBJECTS_READ / 1e3),
    Item("results to the internet", "GiB", 0.12, "cloud.google.com/storage/pricing", lambda size: size.out_gib),
    Item(
        "metrics, 200 series a pod",
        "million",
        0.06,
        "cloud.google.com/stackdriver/pricing",
        lambda size: (size.workers + 2) * 200 * DAYS * DAY_S / 30 / 1e6,
    ),
    Item(
        "logs, 1 kB a line, 8 lines a job", "GiB", 0.50, "cloud.google.com/stackdriver/pricing", lambda size: DAYS * size.jobs * 8e3 / GIB
    ),
)


def total(size: Size) -> float:
    return sum(item.cost(size) for item in ITEMS)


def tables() -> str:
    rows = [
        ("exports a day", *(f"{size.exports:,}" for size in SIZES)),
        ("imports a day", *(f"{size.imports:,}" for size in SIZES)),
        ("MB a job", *(f"{size.job_mb:,}" for size in SIZES)),
        ("GiB of datasets", *(f"{size.dataset_gib:,}" for size in SIZES)),
        ("busiest hour, times the average", *(str(size.peak) for size in SIZES)),
        ("nodes", *(str(size.nodes) for size in SIZES)),
    ]
    costs = [(item.what, item.unit, f"{item.usd:g}", *(_entry(item, size) for size in SIZES), item.source) for item in ITEMS]
    costs.append(("**a month**", "", "", *(f"**$ {total(size):,.0f}**" for size in SIZES), ""))
    costs.append(("a job", "", "", *(f"$ {total(size) / (size.jobs * DAYS):.4f}" for size in SIZES), ""))
    names = [size.name for size in SIZES]
    return "\n\n".join((_table(["", *names], rows), _table(["", "unit", "$ a unit", *names, "price from"], costs)))


def _entry(item: Item, size: Size) -> str:
    units = item.units(size)
    told = f"{units:,.0f}" if units > SEVERAL else f"{units:.3g}"
    return f"{told} → {item.cost(size):,.2f}"


def _table(head: list[str], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def filled(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(filled(PAGE.read_text()))
    else:
        print(tables())
