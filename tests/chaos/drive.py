"""One run: krai and its stores, clients that ask for jobs, faults, and the audit at the end."""

import json
import shutil
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from krai.job import Job, Status
from tests.acceptance.krai_client import DEMO_KEY
from tests.acceptance.material import people_csv
from tests.chaos import faults
from tests.chaos.audit import audit, digest
from tests.chaos.book import Book, Violation
from tests.chaos.client import Client, Till
from tests.chaos.epochs import watch_epochs
from tests.chaos.figures import Watched
from tests.chaos.fleet import Fleet
from tests.chaos.ground import GROUNDS, Ground
from tests.chaos.plan import EXPORTS, FEW, FEW_ROWS, PEOPLE, PEOPLE_ROWS, Moment, drawing, moments

# In mode gcp a job whose message is lost waits half a minute for the sweep, and its client with it.
CLIENTS = {"embedded": 12, "gcp": 48}
SETTLED_WITHIN_S = 120.0
LONGEST_FAULT_S = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of it; `kept` is the folder with logs, documents and stores when something did not hold."""

    seed: int
    lasted_s: float
    jobs: list[Job]
    faults: Counter[str]
    met: Counter[str]
    violations: list[Violation]
    kept: Path | None

    def figures(self) -> dict[str, object]:
        ended = Counter(f"{job.type} {job.status}" for job in self.jobs)
        slowest = max(self.jobs, key=_duration_s, default=None)
        return {
            "seed": self.seed,
            "seconds of faults": round(self.lasted_s),
            "jobs": len(self.jobs),
            **dict(sorted(ended.items())),
            "faults": self.faults.total(),
            **{f"  {kind.replace('_', ' ')}": count for kind, count in sorted(self.faults.items())},
            **{f"met: {what}": count for what, count in sorted(self.met.items())},
            "jobs taken over": sum(job.attempt > 1 for job in self.jobs),
            "most attempts": max((job.attempt for job in self.jobs), default=0),
            "slowest job": f"{_duration_s(slowest):.1f} s, {slowest.job_id}, {slowest.attempt} attempts" if slowest else "none",
            "verdict": self.verdict,
        }

    @property
    def verdict(self) -> str:
        count = {word: sum(word in violation.text for violation in self.violations) for word in ("lost", "doubled", "stuck")}
        others = len(self.violations) - sum(count.values())
        return ", ".join(f"{word} {number}" for word, number in count.items()) + (f", other violations {others}" if others else "")


def run(*, seed: int, lasts_s: float, mode: str, rarer: float = 1, keeps: bool = False) -> Run:
    """Faults happen `rarer` times as seldom as usual."""
    folder = Path(tempfile.mkdtemp(prefix="krai-chaos-"))
    book, jobs = Book(), list[Job]()
    with GROUNDS[mode](folder) as ground:
        fleet = Fleet(ground, book)
        fleet.start()
        try:
            digests = _prepare(ground)
            prepared = set(ground.deployment.krai.seen)
            _let_loose(ground, fleet, book, digests, seed=seed, lasts_s=lasts_s, rarer=rarer)
            fleet.watch_no_more()
            jobs = audit(ground, fleet, book, digests, prepared)
        except Exception as error:  # noqa: BLE001 - a run that cannot be judged has failed, and what it left is kept
            book.violated("driver", "".join(traceback.format_exception(error)))
        finally:
            fleet.watch_no_more()
            for member in fleet.members:
                member.process.stop()
    kept = _keep(folder, book, jobs) if book.violations or keeps else None
    if kept is None:
        shutil.rmtree(folder)
    return Run(seed=seed, lasted_s=lasts_s, jobs=jobs, faults=book.faults, met=book.met, violations=book.violations, kept=kept)


def _prepare(ground: Ground) -> dict[str, str]:
    """The datasets that are exported, and the digest of each export when nothing goes wrong."""
    krai = ground.deployment.krai
    for dataset, rows in ((FEW, FEW_ROWS), (PEOPLE, PEOPLE_ROWS)):
        krai.import_(dataset=dataset, source={"upload_id": krai.upload(people_csv(rows))})
    digests = {}
    for name, request in EXPORTS.items():
        (content,) = krai.files(krai.export(**request))
        digests[name] = digest(content)
    return digests


def _let_loose(ground: Ground, fleet: Fleet, book: Book, digests: dict[str, str], *, seed: int, lasts_s: float, rarer: float) -> None:
    """Clients and faults at the same time, then no faults until all jobs have finished."""
    api = ground.deployment.api
    scene = faults.Scene(ground, fleet, book, threading.Event())
    till = Till(no_more=threading.Event(), deadline=[time.monotonic() + lasts_s + SETTLED_WITHIN_S])
    key = api.env.get("API_KEY", DEMO_KEY)
    clients = [Client(api.base_url, key, number, seed, book=book, till=till, digests=digests) for number in range(CLIENTS[ground.mode])]
    threads = [threading.Thread(target=_guarded, args=(client.run, book), daemon=True) for client in clients]
    sampler = threading.Thread(target=_guarded, args=(lambda: watch_epochs(ground, book, scene.calm, seed), book), daemon=True)
    watched = Watched(book, lasts_s)
    for thread in (*threads, sampler):
        thread.start()
    harm = _harm(
        scene, moments(seed, lasts_s, {fault: mean_s * rarer for fault, mean_s in faults.every_s(ground.mode).items()}), watched, seed
    )
    till.no_more.set()
    scene.calm.set()
    for thread in harm:
        thread.join(LONGEST_FAULT_S)
        if thread.is_alive():
            book.violated("driver", f"the fault {thread.name} does not end")
    for wire in ground.wires.values():
        wire.release()
    fleet.let_go()
    till.deadline[0] = time.monotonic() + SETTLED_WITHIN_S
    for thread in (*threads, sampler):
        thread.join(max(0.1, till.deadline[0] + 30 - time.monotonic()))
    watched.end()


def _harm(scene: faults.Scene, plan: list[Moment], watched: Watched, seed: int) -> list[threading.Thread]:
    """Each fault in a thread of its own, at its moment; returns when the time is over."""
    threads = []

    def happen(moment: Moment) -> None:
        began_at = datetime.now(UTC)
        if faults.BY_NAME[moment.fault](scene, drawing(seed, moment.fault, moment.number)):
            scene.book.fault(moment.fault, began_at)

    for moment in plan:
        while (left_s := watched.began_at + moment.at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.5))
            watched.show()
        thread = threading.Thread(target=_guarded, args=(lambda moment=moment: happen(moment), scene.book), name=moment.fault, daemon=True)
        thread.start()
        threads.append(thread)
    while time.monotonic() < watched.began_at + watched.lasts_s:
        time.sleep(0.2)
        watched.show()
    return threads


def _guarded(do: Callable[[], None], book: Book) -> None:
    """A thread of the driver that breaks is a violation like any other: without it the run shows nothing."""
    try:
        do()
    except Exception as error:  # noqa: BLE001 - it is reported at the end
        book.violated("driver", f"{threading.current_thread().name}: {type(error).__name__} {error}")


def _keep(folder: Path, book: Book, jobs: list[Job]) -> Path:
    """What somebody needs who looks for the cause: the violations, the documents of their jobs, and the logs beside them."""
    blamed = {violation.job_id for violation in book.violations}
    (folder / "faults.log").write_text("".join(f"{line}\n" for line in sorted(book.journal)))
    doc = {
        "violations": [{"rule": violation.rule, "job_id": violation.job_id, "text": violation.text} for violation in book.violations],
        "jobs": [job.to_doc() for job in jobs if job.job_id in blamed],
        "seen": [entry.end for entry in book.all() if entry.job_id in blamed],
    }
    (folder / "violations.json").write_text(json.dumps(doc, indent=1, default=str))
    return folder


def _duration_s(job: Job) -> float:
    finished_at = job.finished_at or job.updated_at
    return (finished_at - job.created_at).total_seconds() if job.status in Status else 0.0
