"""A simulated KEDA that drives real workers on Google's emulators: `python -m tests.acceptance.scaling` prints what it did.

What it goes by is the chart's: metric, target, least, most, polling and cooldown of the rendered ScaledObject, and a worker's slots; the
time is divided by `--speed`. Storage is slow, so that jobs take seconds without taking the processor. Workers that go are at work, and have
no time to finish it: every job of theirs is handed back.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from rich.console import Console
from rich.table import Table

from scripts.emulators import Emulators, running
from scripts.ports import free_port
from scripts.unlimited import UNLIMITED
from tests.acceptance.deployment import Deployment, gcp
from tests.acceptance.krai_process import ROOT, KraiProcess
from tests.acceptance.ledger import ledger_is_clean
from tests.acceptance.waiting import until
from tests.deploy.autoscaler import Autoscaler, Scaling
from tests.deploy.charts import of_krai, scaled_object
from tests.faulty_proxy import FaultyProxy

SPEED = 10.0
JOBS = 30
FEW_AT, MANY_AT, MOST_POLLS = 2, 4, 200
COUNTED_EVERY_S = 15  # krai.metrics
STALL_S = 0.5  # for each 64 KiB, or less, from or to storage
PAGE = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- made by `make scaling` -->", "<!-- end of what is made -->"
API = str(Path(__file__).with_name("often_counted.py"))


@dataclass(frozen=True)
class Seen:
    """What the autoscaler saw at one poll, and what it made of it."""

    at_s: float  # of the cluster's time
    depth: int
    workers: int


@dataclass(frozen=True)
class Ran:
    seen: list[Seen]
    jobs: int  # all of them completed
    handed_back: int  # of these
    exits: list[int]  # of the workers that left

    @property
    def steps(self) -> list[int]:
        """How many workers there were, one after the other."""
        counts = [0, *(seen.workers for seen in self.seen)]
        return [count for before, count in zip([None, *counts], counts, strict=False) if before != count]


class Fleet:
    """The Deployment of the workers, and what the Service of the API says of the queue."""

    def __init__(self, krai: Deployment, storage: FaultyProxy, metric: str, env: dict[str, str], metrics_port: int) -> None:
        self.krai = krai
        self.storage = storage
        self.left: list[KraiProcess] = []
        self._workers: list[KraiProcess] = []
        self._metric = metric
        self._env = env
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"

    def __len__(self) -> int:
        return len(self._workers)

    def depth(self) -> int:
        """As KEDA's scaler `metrics-api` reads it."""
        answer = httpx.get(self._metrics).raise_for_status()
        (value,) = [line.partition(" ")[2] for line in answer.text.splitlines() if line.startswith(f"{self._metric} ")]
        return int(float(value))

    def submit(self, count: int) -> list[str]:
        return [self.krai.krai.submit_export(dataset="users", limit=10) for _ in range(count)]

    def scale(self, count: int) -> None:
        while len(self) < count:
            self._workers.append(self.krai.worker(**self._env).spawn())
        while len(self) > count:
            self.left.append(self._workers.pop())
            self.left[-1].terminate()

    @property
    def settled(self) -> bool:
        """Nobody who was to go is still there."""
        return not any(worker.runs for worker in self.left)

    def stop(self) -> None:
        for worker in (*self._workers, *self.left):
            worker.stop()
            worker.client.close()


def chart() -> tuple[Scaling, str, dict[str, str]]:
    """What the ScaledObject says, the metric it goes by, and the slots of a worker."""
    scaled = scaled_object("backlog")
    (worker,) = of_krai("Deployment", "krai-worker")["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in worker["env"] if entry["name"] == "KRAI_SLOTS"}
    return Scaling.read(scaled), str(scaled["spec"]["triggers"][0]["metadata"]["valueLocation"]), env


@contextmanager
def fleet(home: Path, emulators: Emulators, speed: float) -> Iterator[tuple[Fleet, Scaling]]:
    """No worker yet, and an API that takes jobs."""
    scaling, metric, env = chart()
    with ExitStack() as stack:
        storage = stack.enter_context(FaultyProxy(emulators.storage.host))
        krai = stack.enter_context(gcp(home, UNLIMITED, emulators))
        metrics_port = free_port()
        krai.api.script = API
        krai.api.spawn(KRAI_METRICS_PORT=str(metrics_port), COUNTED_EVERY_S=str(COUNTED_EVERY_S / speed), PYTHONPATH=str(ROOT))
        # The samples are made by the first worker there is, of which the autoscaler shall know nothing.
        with krai.worker() as first:
            first.spawn().wait_until_working()
            krai.api.wait_until_ready()
            until("there are samples", lambda: krai.krai.http.get("/api/v1/datasets/users").is_success, within_s=30)
        krai.runner = krai.api
        storage.delay_s = STALL_S
        env |= {"KRAI_GRACE_S": "0", "STORAGE_EMULATOR_HOST": f"http://{storage.host}"}
        made = Fleet(krai, storage, metric, env, metrics_port)
        stack.callback(made.stop)
        yield made, scaling


def drive(made: Fleet, scaling: Scaling, speed: float, many: int) -> Ran:
    """From no worker to the least; a few jobs, then many at once, then a few at a time while there are more workers than these need."""
    ids, seen, autoscaler = list[str](), list[Seen](), Autoscaler(scaling)
    few = int(scaling.target)
    fewer = few - 2  # what was sent a moment ago is not counted yet
    began = time.monotonic()
    for number in range(MOST_POLLS):
        at_s = number * scaling.polling_s
        time.sleep(max(0.0, began + at_s / speed - time.monotonic()))
        depth = made.depth()
        count = autoscaler.workers(depth, len(made), at_s)
        seen.append(Seen(at_s, depth, count))
        made.scale(count)
        if number == MANY_AT:
            ids += made.submit(many)
        elif number == FEW_AT:
            ids += made.submit(few)
        elif number > MANY_AT and depth < fewer and count > scaling.least:
            ids += made.submit(fewer - depth)
        elif number > MANY_AT and depth == 0 and made.settled:
            break
    else:
        raise AssertionError(f"not done after {MOST_POLLS} polls: {seen[-5:]}")
    made.storage.delay_s = 0
    for job_id in ids:
        made.krai.krai.result_of(job_id)
    ledger_is_clean(made.krai)
    exits = [worker.wait_until_dead(within_s=1) for worker in made.left]
    return Ran(seen, jobs=len(ids), handed_back=sum(job.epoch > 1 for job in made.krai.stores.jobs()), exits=exits)


def table(ran: Ran, scaling: Scaling) -> Table:
    """A row whenever depth or workers changed."""
    shown = Table("time", "depth", "workers", "by the table")
    last: tuple[int, int] | None = None
    for seen in ran.seen:
        if (seen.depth, seen.workers) != last:
            shown.add_row(f"{seen.at_s:.0f} s", str(seen.depth), str(seen.workers), str(scaling.wanted(seen.depth, 0)))
        last = (seen.depth, seen.workers)
    return shown


def words(ran: Ran, scaling: Scaling, speed: float) -> str:
    """For docs/scaling.md."""
    console = Console(record=True, width=72, file=StringIO())
    console.print(table(ran, scaling))
    path = " → ".join(str(count) for count in ran.steps)
    return (
        f"```\n{console.export_text()}```\n\n"
        f"{path} workers for {ran.jobs} jobs, time {speed:g} times as fast; {ran.jobs} of {ran.jobs} completed, each with its file once; "
        f"{len(ran.exits)} workers left with exit code 0, and {ran.handed_back} of their jobs were handed back and ran on another.\n"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.acceptance.scaling")
    arguments.add_argument("--speed", type=float, default=SPEED, help="how much faster than a cluster's the time goes (%(default)s)")
    arguments.add_argument("--jobs", type=int, default=JOBS, help="%(default)s")
    arguments.add_argument("--write", action="store_true", help="into docs/scaling.md")
    asked = arguments.parse_args()
    with (
        TemporaryDirectory(prefix="krai-scaling-") as folder,
        running() as emulators,
        fleet(Path(folder) / "data", emulators, asked.speed) as (made, scaling),
    ):
        ran = drive(made, scaling, asked.speed, asked.jobs)
    said = words(ran, scaling, asked.speed)
    print(said)
    if asked.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{said}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
