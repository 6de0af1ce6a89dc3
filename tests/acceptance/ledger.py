"""The ledger of effects, read from the stores themselves and not from logs: what must hold after any fault.

I1 every accepted job is finished, in exactly one way. I2 every effect (file, table commit) is there once, and only those of completed jobs.
I3 no terminal state has changed. I4 the epoch counts at least the attempts. I5 nobody holds a lease. I6 the queues are empty.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from krai.job import Job, Kind, Status, format_time
from tests.acceptance.deployment import Deployment
from tests.acceptance.stores import Messages, StoresSeen
from tests.acceptance.waiting import until

TIDIED_WITHIN_S = 5
# Whoever answers the message of a worker that died after the end of its job removes what that one left; no queue shows when it comes.
TOLD_AGAIN_WITHIN_S = 15
SETTLED_WITHIN_S = 45  # a job that was stored and never told of waits half a minute for the sweep
LEASES_END_WITHIN_S = 4  # those on wake-up messages that a worker had pulled, or put off: `QUICK` has three seconds
PULLED_AND_LOST_S = 11  # a message that was pulled for somebody who died at that moment has the ten seconds of its subscription


@dataclass(frozen=True, slots=True)
class _Page:
    jobs: list[Job]
    messages: Messages

    def __bool__(self) -> bool:
        tidied = all(job.finished and (job.parts_at is None or _may_commit_late(job)) for job in self.jobs)
        return tidied and self.messages == Messages(0, 0)

    def __repr__(self) -> str:
        return f"{self.messages}, unfinished jobs {[f'{job.job_id} {job.status}' for job in self.jobs if not job.finished]}"


@dataclass(frozen=True, slots=True)
class _Tidy:
    out_of_place: list[str]

    def __bool__(self) -> bool:
        return not self.out_of_place


def ledger_is_clean(deployment: Deployment) -> None:
    """Raises AssertionError when an effect is missing, doubled or left over. Workers must be running."""
    stores = deployment.stores
    stores.check()
    page = until("I1 and I6 hold", partial(_settled, stores), within_s=SETTLED_WITHIN_S)
    for job in page.jobs:
        assert job.epoch >= job.attempt, f"I4: {job}"
        assert (job.lease_owner, job.lease_until) == (None, None), f"I5: {job}"
    _finished_jobs_stay_as_clients_met_them(page.jobs, deployment.krai.seen)
    until("no half-made file is left", lambda: not half_made_files(stores), within_s=TIDIED_WITHIN_S)
    until("I2: every file is there, and of a completed job", lambda: _Tidy(_out_of_place(stores, page.jobs)), within_s=TOLD_AGAIN_WITHIN_S)
    _commits_are_those_of_completed_jobs(stores, page.jobs)


def queues_end_empty(deployment: Deployment) -> None:
    """I6 for good: nothing comes when the workers are gone and every lease they had on a message has run out.

    The embedded queue shows what is leased, so one look is enough. Of Pub/Sub nobody sees it.
    """
    if not deployment.runner.runs:
        deployment.start()
    ledger_is_clean(deployment)
    if deployment.runner is deployment.api:
        return
    # A message that was put off comes again when its time is over, and must find a worker that answers it.
    time.sleep(PULLED_AND_LOST_S)
    deployment.runner.terminate()
    deployment.runner.wait_until_dead(within_s=30)
    deadline = time.monotonic() + LEASES_END_WITHIN_S
    while time.monotonic() < deadline:
        assert deployment.stores.messages() == Messages(0, 0), "I6"
        time.sleep(0.2)


def _settled(stores: StoresSeen) -> _Page:
    """What the stores hold; false while a job has not finished or a message lies in a queue."""
    return _Page(stores.jobs(), stores.messages())


def _finished_jobs_stay_as_clients_met_them(jobs: list[Job], seen: Mapping[str, Mapping[str, Any]]) -> None:
    stored = {job.job_id: (job.status.value, job.finished_at) for job in jobs}
    for job_id, doc in seen.items():
        status, finished_at = stored[job_id]
        assert status == doc["status"], f"I3: {job_id} was {doc['status']}"
        assert finished_at is not None
        assert format_time(finished_at)[:19] == doc["finished_at"][:19], f"I3: {job_id} has finished twice"


# -- I2: files --------------------------------------------------------------------------------------------------------------


def half_made_files(stores: StoresSeen) -> list[Path]:
    """Files that only a running job may have."""
    return sorted(path for path in stores.spool.rglob("*") if path.is_file())


def _out_of_place(stores: StoresSeen, jobs: list[Job]) -> list[str]:
    wrong = []
    files = stores.files()
    in_blobs, in_warehouse = _by_job(list(files), jobs), _by_job(stores.parts(), jobs)
    for job in jobs:
        promised = _digests(job.result) if job.status is Status.COMPLETED else set()
        if not promised <= {files[path] for path in in_blobs[job.job_id]}:
            wrong.append(f"{job.job_id} promises files that are not there")
        for store, paths in (("blobs", in_blobs[job.job_id]), ("warehouse", in_warehouse[job.job_id])):
            epochs = {path.rpartition(f"/{job.job_id}/")[2].partition("/")[0] for path in paths}
            none = job.status is Status.CANCELLED or (job.status is Status.FAILED and store == "warehouse")
            if store == "warehouse" and _may_commit_late(job):
                continue
            if len(epochs) > (0 if none else 1):
                wrong.append(f"{job.job_id} is {job.status} and has files of {epochs} in {store}")
    return wrong


def _may_commit_late(job: Job) -> bool:
    """Its parts wait for a day, for a commit that may still be on its way."""
    return job.may_have_committed and job.status is not Status.COMPLETED


def _by_job(paths: list[str], jobs: list[Job]) -> dict[str, list[str]]:
    """Those of the paths that lie in a folder of a job."""
    found: dict[str, list[str]] = {job.job_id: [] for job in jobs}
    for path in paths:
        for folder in found.keys() & set(path.split("/")):
            found[folder].append(path)
    return found


def _digests(value: Any) -> set[str]:
    """Every `sha256` in a result."""
    if isinstance(value, dict):
        own = {str(value["sha256"])} if value.get("sha256") else set()
        return own.union(*(_digests(item) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_digests(item) for item in value))
    return set()


# -- I2: commits ------------------------------------------------------------------------------------------------------------


def _commits_are_those_of_completed_jobs(stores: StoresSeen, jobs: list[Job]) -> None:
    loaded: dict[str, list[int]] = {job.job_id: [] for job in jobs}
    tables = dict(stores.tables({job.dataset for job in jobs}))
    for metadata in tables.values():
        for snapshot in metadata.snapshots:
            properties = snapshot.summary.additional_properties if snapshot.summary else {}
            # An undo names the job that it has undone, too.
            for job_id in loaded.keys() & {value for name, value in properties.items() if "undone" not in name}:
                loaded[job_id].append(int(properties.get("added-records", 0)))
    for job in jobs:
        if job.type is not Kind.IMPORT:
            continue
        rows = [count for count in loaded[job.job_id] if count]
        if job.status is not Status.COMPLETED or (job.result and job.result.get("dry_run")):
            assert rows == [], f"I2: {job.job_id} is {job.status} and stands in the table"
        elif job.result and job.result["records_processed"] and job.dataset in tables:
            assert rows == [job.result["records_processed"]], f"I2: {job.job_id} loaded {rows}"
