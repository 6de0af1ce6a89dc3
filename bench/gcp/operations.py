"""What a small job costs at Google: krai's processes are counted while jobs run one after the other and nobody asks krai about them."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from google.cloud import firestore

from bench.gcp.counts import Billed, Counts
from bench.gcp.house import House, Site, StorageRequest
from bench.gcp.report import Line
from bench.server import FINISHED, Client

KRAI = ("main", "worker")
EXPORT = ("/api/v1/exports", {"dataset": "users", "limit": 10})
IMPORT = ("/api/v1/imports", {"dataset": "imported", "source": "salesforce"})
SETTLED_S = 1.0  # the ack comes after the job has finished
NO_SWEEP = {"KRAI_SWEEP_S": "100000"}  # sweeps are counted apart, in `idle`


@dataclass(frozen=True, slots=True)
class Cost:
    """Of `jobs` jobs of one kind; `catalog` is what their children asked of Firestore, `storage` of Cloud Storage."""

    kind: str
    jobs: int
    krai: Billed
    catalog: Billed
    storage: list[StorageRequest]

    def lines(self) -> list[Line]:
        promised = [
            ("Firestore writes", self.krai.writes, 5),
            ("Firestore reads", self.krai.reads, 4),
            ("messages published", self.krai.published, 1),
            ("pulls that brought something", self.krai.pulls, 1),
            ("messages acked", self.krai.acked, 1),
        ]
        return [
            Line(f"{what}, {self.kind}", f"{count} of {self.jobs} jobs", "", count / self.jobs, at_most=most)
            for what, count, most in promised
        ]

    def notes(self) -> list[str]:
        requests = ", ".join(f"{count / self.jobs:g} {what}" for what, count in sorted(self.krai.requests.items()))
        asked = Counter(request.method for request in self.storage)
        storage = ", ".join(f"{count / self.jobs:g} {method}" for method, count in sorted(asked.items()))
        krai, catalog, jobs = self.krai, self.catalog, self.jobs
        kept = f"{krai.extended / jobs:g} changes of a message's lease, {krai.empty_pulls / jobs:g} empty pulls"
        child = f"{catalog.reads / jobs:g} reads and {catalog.writes / jobs:g} writes of the catalog in its child"
        return [f"per {self.kind}: gRPC {requests}", f"per {self.kind}: {kept}; {child}; Cloud Storage {storage}"]


def measure(site: Site, *, exports: int, imports: int) -> tuple[Cost, Cost]:
    house = site.house()
    counts = Counts(house.folder / "counts")
    with house.worker(**NO_SWEEP, **counts.env), house.api(**counts.env) as port:
        client, jobs = house.client(port), firestore.Client(project=house.project)
        for path, body in (EXPORT, IMPORT):
            _run(client, jobs, path, body)
        return (
            _cost("small export", house, counts, lambda: _run(client, jobs, *EXPORT), exports),
            _cost("small import", house, counts, lambda: _run(client, jobs, *IMPORT), imports),
        )


def _cost(kind: str, house: House, counts: Counts, run: Any, jobs: int) -> Cost:
    time.sleep(SETTLED_S)
    counts.new_lines()  # what was before is not counted
    storage_before = len(house.storage_requests())
    for _ in range(jobs):
        run()
    time.sleep(SETTLED_S)
    lines = counts.new_lines()
    return Cost(kind, jobs, Billed.of(lines, *KRAI), Billed.of(lines, "child"), house.storage_requests()[storage_before:])


def _run(client: Client, jobs: Any, path: str, body: dict[str, Any]) -> None:
    """The job is watched in Firestore: what a waiting client makes the API read is the client's choice."""
    document = jobs.document("jobs", client.call("POST", path, body)["job_id"])
    while (status := document.get().get("status")) not in FINISHED:
        time.sleep(0.05)
    if status != "COMPLETED":
        message = f"the job ended {status}"
        raise RuntimeError(message)
