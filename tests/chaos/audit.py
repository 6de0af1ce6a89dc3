"""What must hold when the faults have ended and every job has had its time: I1 to I6, job by job, read from the stores."""

import hashlib
import importlib
import time
from collections import Counter

from krai.errors import KraiError
from krai.job import Job, Kind, Status, format_time
from krai.transitions import CRASHES_ALLOWED
from krai.warehouse.port import Query
from krai.wiring.stores import tools_of
from scripts.provision import ACK_DEADLINE_S
from tests.acceptance.ledger import LEASES_END_WITHIN_S, half_made_files, ledger_is_clean
from tests.acceptance.stores import Messages
from tests.chaos.book import Book, Entry
from tests.chaos.fleet import Fleet
from tests.chaos.ground import ENV, Ground

EMPTY_WITHIN_S = 60.0

Rows = dict[str, Counter[str]]  # dataset → tag → rows


def audit(ground: Ground, fleet: Fleet, book: Book, digests: dict[str, str], prepared: set[str]) -> list[Job]:
    """Writes what does not hold into the book, and gives the jobs of the run. Stops the workers."""
    entries = {entry.job_id: entry for entry in book.all()}
    stored = {job.job_id: job for job in ground.deployment.stores.jobs()}
    for job_id in sorted(stored.keys() - entries.keys() - prepared):
        book.violated("I1", "no client knows of this job", job_id)
    for job_id, entry in entries.items():
        if job_id not in stored:
            book.violated("I1", "lost: it was accepted and is not there", job_id)
            continue
        _ends_as_it_may(entry, stored[job_id], book)
    ours = [stored[job_id] for job_id in sorted(entries.keys() & stored.keys())]
    _exports_are_those_of_a_run_without_faults(ground, entries, ours, digests, book)
    _rows_stand_once(ground, entries, ours, book)
    _ledger(ground, entries, book)
    _wait_for_leases_to_end(ground, book)
    fleet.stop_workers()
    _queues_stay_empty(ground, book)
    return ours


def _ends_as_it_may(entry: Entry, job: Job, book: Book) -> None:
    wish, stuck = entry.wish, not job.finished
    if stuck:
        book.violated("I1", f"stuck: {job.status}", job.job_id)
        return
    if entry.end is None:
        book.violated("I1", "finished, and its client was never told", job.job_id)
    elif job.finished_at is not None and (job.status.value, format_time(job.finished_at)[:19]) != (
        entry.end["status"],
        entry.end["finished_at"][:19],
    ):
        book.violated("I3", f"a client saw {entry.end['status']} at {entry.end['finished_at']}, it is {job.status}", job.job_id)
    code = (job.error or {}).get("code")
    match job.status:
        case Status.COMPLETED if wish.error is not None:
            book.violated("I2", f"completed, but must fail with {wish.error}", job.job_id)
        case Status.CANCELLED if entry.cancel_answered is None:
            book.violated("I1", "cancelled, and its client did not ask for that", job.job_id)
        case Status.FAILED if code != wish.error and not (code == "parser_crashed" and job.crashes >= CRASHES_ALLOWED):
            book.violated("I1", f"failed with {code}, must end with {wish.error or 'success'}: {job.error}", job.job_id)
        case _:
            pass


def _exports_are_those_of_a_run_without_faults(
    ground: Ground, entries: dict[str, Entry], jobs: list[Job], digests: dict[str, str], book: Book
) -> None:
    """Every file of a completed export that is not its manifest or the signature of that, and no file of any other export."""
    found: dict[str, list[str]] = {}
    for path, digest in ground.deployment.stores.files().items():
        if not path.endswith(("/manifest.json", "/manifest.json.jws")):
            found.setdefault(path.split("/")[1], []).append(digest)
    for job in jobs:
        if job.type is Kind.EXPORT:
            name = entries[job.job_id].wish.expected
            expected = [digests[name]] if name and job.status is Status.COMPLETED else []
            if found.get(job.job_id, []) != expected:
                book.violated("I2", f"{job.status} export of {name} has files {found.get(job.job_id)}, not {expected}", job.job_id)


# -- rows ---------------------------------------------------------------------------------------------------------------------


def _rows_stand_once(ground: Ground, entries: dict[str, Entry], jobs: list[Job], book: Book) -> None:
    imports = [job for job in jobs if job.type is Kind.IMPORT]
    found = _rows(ground, {job.dataset for job in imports}, book)
    expected: Rows = {dataset: Counter() for dataset in found}
    turned: dict[str, dict[str, int]] = {}
    for job in imports:
        wish = entries[job.job_id].wish
        if job.status is not Status.COMPLETED:
            continue
        if wish.kind == "replace":
            turned.setdefault(job.dataset, {})[wish.tag] = wish.rows
        else:
            expected[job.dataset][wish.tag] += wish.rows
    for dataset, rows in found.items():
        if dataset.startswith("turned"):
            if len(rows) != (1 if turned.get(dataset) else 0) or not rows.items() <= turned.get(dataset, {}).items():
                book.violated("I2", f"{dataset} holds {dict(rows)}, not the rows of exactly one of {turned.get(dataset)}")
        elif rows != expected[dataset]:
            _name_the_jobs(dataset, rows, expected[dataset], entries, book)


def _name_the_jobs(dataset: str, found: Counter[str], expected: Counter[str], entries: dict[str, Entry], book: Book) -> None:
    by_tag: dict[str, list[str]] = {}
    for entry in entries.values():
        by_tag.setdefault(entry.wish.tag, []).append(entry.job_id)
    for tag in sorted(found.keys() | expected.keys()):
        if found[tag] != expected[tag]:
            for job_id in by_tag.get(tag, [""]):
                how = "doubled" if found[tag] > expected[tag] else "lost"
                book.violated("I2", f"{how}: {dataset} holds {found[tag]} rows of {tag}, not {expected[tag]}", job_id)


def _rows(ground: Ground, datasets: set[str], book: Book) -> Rows:
    """How many rows of each tag the tables hold, read by nobody but the warehouse itself."""
    module, _, function = tools_of(ground.settings).partition(":")
    warehouse = getattr(importlib.import_module(module), function)(ground.settings).warehouse
    found: Rows = {}
    for dataset in sorted(datasets):
        found[dataset] = Counter()
        try:
            for part in warehouse.scan(dataset, Query(columns=["tag"])).parts:
                found[dataset].update(part().column("tag").to_pylist())
        except (KraiError, OSError) as error:
            if not (isinstance(error, KraiError) and error.code == "dataset_not_found"):
                book.violated("I2", f"{dataset} cannot be read: {error}")
    return found


# -- the rest -----------------------------------------------------------------------------------------------------------------


def _ledger(ground: Ground, entries: dict[str, Entry], book: Book) -> None:
    """Files, commits, leases and queues by the ledger that all acceptance tests share."""
    seen = ground.deployment.krai.seen
    seen |= {job_id: entry.end for job_id, entry in entries.items() if entry.end is not None}
    try:
        ledger_is_clean(ground.deployment)
    except AssertionError as error:
        book.violated("ledger", str(error)[:3000])


def _wait_for_leases_to_end(ground: Ground, book: Book) -> None:
    """A dead letter whose ack was lost comes again after the subscription's deadline, and the workers must be there to settle it."""
    quiet_s = ACK_DEADLINE_S + 2.0 if ground.emulators else float(ENV["KRAI_LEASE_S"])
    began_at = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < quiet_s:
        if ground.deployment.stores.messages() != Messages(0, 0):
            quiet_since = time.monotonic()
        if quiet_since - began_at > EMPTY_WITHIN_S:
            book.violated("I6", f"messages are still coming {EMPTY_WITHIN_S:g} s after the last job has finished")
            return
        time.sleep(0.5)


def _queues_stay_empty(ground: Ground, book: Book) -> None:
    """Nobody pulls any more; what somebody had under a lease would come again now."""
    deadline = time.monotonic() + LEASES_END_WITHIN_S
    while time.monotonic() < deadline:
        messages = ground.deployment.stores.messages()
        if messages != Messages(0, 0):
            book.violated("I6", f"the queues hold {messages} after all workers have stopped")
            return
        time.sleep(0.5)
    if left := half_made_files(ground.deployment.stores):
        book.violated("I2", f"half-made files are left: {left}")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
