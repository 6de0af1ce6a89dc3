"""Jobs in Firestore. A revision is the document's update time, so every write that was read before is one commit with that time as
its precondition: of two writers one is refused, and there are no transactions to wait for."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from google.cloud.firestore import AsyncDocumentReference, AsyncWriteBatch, LastUpdateOption

from krai.backends import page_token
from krai.backends.documents import gone
from krai.backends.google import queries, stored
from krai.backends.google.batches import Batches
from krai.backends.google.firestore import BUDGET_S, Firestore, Refused, Snapshot, revision_of, updated_at
from krai.backends.hearing import Hearing
from krai.dataset import Dataset
from krai.errors import Conflict, Terminal, Transient
from krai.job import Backlog, Job, Standing
from krai.known import Known
from krai.ports import IdempotencyRecord, JobPage, JobQuery

# Whoever waits is told late by no more than a quarter of the job's age, and to wait for an old job costs one read a second.
FIRST_POLL_S, LATE_BY, LONGEST_POLL_S = 0.01, 0.25, 1.0
ROUNDS = 4  # of reading anew and writing again, when somebody else is always faster


class FirestoreJobStore:
    def __init__(self, firestore: Firestore) -> None:
        self._firestore = firestore
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._new: Batches[tuple[AsyncDocumentReference, dict[str, Any]], int | None] = Batches(firestore.create_each, within_s=BUDGET_S)
        self._datasets: Known[Dataset] = Known()
        self._hearing = Hearing()

    def now(self) -> datetime:
        return self._firestore.now()

    async def create(self, job: Job, record: IdempotencyRecord | None = None) -> Job | IdempotencyRecord:
        reference = self._document(stored.JOBS, job.job_id)
        # Many jobs are made in one request. The record belongs to its job alone, and what is in doubt is looked at below.
        if record is None and (revision := await self._new.put((reference, stored.of_job(job)))) is not None:
            return self._hearing.tell(replace(job, revision=revision))
        expired: Snapshot | None = None
        for _ in range(ROUNDS):
            batch = self._firestore.client.batch()
            batch.create(reference, stored.of_job(job))
            if record is not None:
                _put(batch, self._document(stored.RECORDS, record.scope), stored.of_record(record), over=expired)
            with contextlib.suppress(Refused):
                return self._hearing.tell(replace(job, revision=await self._firestore.commit(batch)))
            there = stored.job_in(await self._firestore.read(reference))
            # Written by an earlier try that was not answered, or by an earlier call of the same caller.
            if there is not None and replace(there, revision=job.revision) == job:
                return there
            if record is not None:
                expired = await self._firestore.read(self._document(stored.RECORDS, record.scope))
                if (earlier := stored.record_in(expired, self.now())) is not None:
                    return earlier
            if there is not None:
                raise Conflict(job.job_id)
        raise Transient("store_busy", retry_after_s=1)

    async def remember(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        reference = self._document(stored.RECORDS, record.scope)
        expired: Snapshot | None = None
        for _ in range(ROUNDS):
            batch, fields = self._firestore.client.batch(), stored.of_record(record)
            _put(batch, reference, fields, over=expired)
            try:
                await self._firestore.commit(batch)
            except Refused as refused:
                expired = await self._firestore.read(reference)
                if refused.unanswered and _is(expired, fields):
                    return None
                if (earlier := stored.record_in(expired, self.now())) is not None:
                    return earlier
            else:
                return None
        raise Transient("store_busy", retry_after_s=1)

    async def recall(self, scope: str) -> IdempotencyRecord | None:
        snapshot = await self._read(stored.RECORDS, scope)
        return None if snapshot is None else stored.record_in(snapshot, self.now())

    async def get(self, job_id: str) -> Job | None:
        snapshot = await self._read(stored.JOBS, job_id)
        job = None if snapshot is None else stored.job_in(snapshot)
        return None if job is None or gone(job, self.now()) else job

    async def swap(self, seen: Job, then: Job) -> Job:
        reference, fields = self._seen(seen), stored.of_job(then)
        batch = self._firestore.client.batch()
        batch.update(reference, fields, _unchanged(seen.revision))
        try:
            revision = await self._commit(seen.job_id, batch)
        except Refused as refused:
            there = await self._firestore.read(reference) if refused.unanswered else None
            if there is None or not _is(there, fields):
                raise Conflict(seen.job_id) from refused
            revision = revision_of(there)
        return self._hearing.tell(replace(then, revision=revision))

    async def delete(self, seen: Job) -> None:
        reference = self._seen(seen)
        batch = self._firestore.client.batch()
        batch.delete(reference, _unchanged(seen.revision))
        if seen.progress.bytes_processed and stored.day(seen) >= self.now().date():
            fields = stored.of_deleted(seen)
            batch.set(self._day(seen.created_by, stored.day(seen)), fields, merge=True)
        try:
            await self._commit(seen.job_id, batch)
        except Refused as refused:
            if not refused.unanswered or (await self._firestore.read(reference)).exists:
                raise Conflict(seen.job_id) from refused

    async def find(self, query: JobQuery) -> JobPage:
        listing = page_token.of_listing(query)
        after = _after(listing, query.after)
        found = stored.jobs_in(await self._firestore.run(queries.listing(self._firestore.client, query, after)))
        return page_token.page(listing, found, query.page_size, page_token.created_at, self.now())

    async def delivered(self, webhook_id: str, *, page_size: int, after: str | None) -> JobPage:
        listing = page_token.of_deliveries(webhook_id)
        query = queries.delivered(self._firestore.client, webhook_id, page_size, _after(listing, after))
        found = stored.jobs_in(await self._firestore.run(query))
        return page_token.page(listing, found, page_size, page_token.ended_at, self.now())

    async def due(self, limit: int) -> Sequence[Job]:
        return stored.jobs_in(await self._firestore.run(queries.due(self._firestore.client, self.now(), limit)))

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        return stored.jobs_in(await self._firestore.run(queries.changed(self._firestore.client, since, limit)))

    def hear(self, heard: Callable[[Job], object]) -> contextlib.AbstractContextManager[None]:
        return self._hearing.hear(heard)

    async def backlog(self) -> Backlog:
        client, now = self._firestore.client, self.now()
        asked = (queries.waiting(client, now), queries.processing(client))
        waiting, processing = await asyncio.gather(*map(self._firestore.aggregate, asked))
        first = stored.jobs_in(await self._firestore.run(queries.longest_waiting(client, now))) if waiting else []
        return Backlog(waiting=waiting, processing=processing, waits_since=first[0].waits_since if first else None)

    async def standing(self, created_by: str) -> Standing:
        asked = (queries.unfinished(self._firestore.client, created_by), queries.held(self._firestore.client, created_by))
        unfinished, held = await asyncio.gather(*map(self._firestore.aggregate, asked))
        return Standing(unfinished=unfinished, held=held)

    async def bytes_of(self, created_by: str, day: date) -> int:
        there, deleted = await asyncio.gather(
            self._firestore.aggregate(queries.processed(self._firestore.client, created_by, day)),
            self._firestore.read(self._day(created_by, day)),
        )
        return there + (deleted.get("bytes") if deleted.exists else 0)

    async def oldest_held(self, created_by: str) -> Job | None:
        found = stored.jobs_in(await self._firestore.run(queries.oldest_held(self._firestore.client, created_by)))
        return found[0] if found else None

    async def held_callers(self) -> Sequence[str]:
        callers: list[str] = []
        while found := await self._firestore.run(queries.next_held_caller(self._firestore.client, callers[-1] if callers else "")):
            callers.append(found[0].get("held_of"))
        return callers

    async def wait(self, job_id: str, seen_revision: int, timeout_s: float) -> Job | None:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        with self._watch(job_id) as written:
            while True:
                written.clear()
                job = await self.get(job_id)
                left_s = until - loop.time()
                if job is None or job.revision != seen_revision or left_s <= 0:
                    return job
                with contextlib.suppress(TimeoutError):
                    poll_s = max(FIRST_POLL_S, LATE_BY * (self.now() - job.created_at).total_seconds())
                    await asyncio.wait_for(written.wait(), min(poll_s, LONGEST_POLL_S, left_s))

    async def put_dataset(self, dataset: Dataset) -> None:
        self._datasets.forget(dataset.name)
        reference = self._document(stored.DATASETS, dataset.name)
        for _ in range(ROUNDS):
            snapshot = await self._firestore.read(reference)
            there = stored.dataset_in(snapshot)
            known = dataset if there is None else dataset.joined(there)
            if known == there:
                return
            batch = self._firestore.client.batch()
            _put(batch, reference, stored.of_dataset(known), over=snapshot)
            with contextlib.suppress(Refused):
                await self._firestore.commit(batch)
                return
        raise Transient("store_busy", retry_after_s=1)

    async def get_dataset(self, name: str, *, max_age_s: float = 0) -> Dataset | None:
        async def read() -> Dataset | None:
            snapshot = await self._read(stored.DATASETS, name)
            return None if snapshot is None else stored.dataset_in(snapshot)

        return await self._datasets.look(name, max_age_s, read)

    async def list_datasets(self) -> Sequence[Dataset]:
        found = await self._firestore.run(queries.datasets(self._firestore.client))
        return [dataset for dataset in map(stored.dataset_in, found) if dataset is not None]

    async def drop_dataset(self, name: str, snapshot_id: str) -> None:
        self._datasets.forget(name)
        for _ in range(ROUNDS):
            snapshot = await self._read(stored.DATASETS, name)
            if snapshot is None or (there := stored.dataset_in(snapshot)) is None or there.snapshot_id != snapshot_id:
                return
            batch = self._firestore.client.batch()
            batch.delete(self._document(stored.DATASETS, name), _unchanged(revision_of(snapshot)))
            with contextlib.suppress(Refused):
                await self._firestore.commit(batch)
                return
        raise Transient("store_busy", retry_after_s=1)

    async def check(self) -> None:
        await self._firestore.check()

    async def close(self) -> None:
        for job_id in list(self._watchers):
            self._wake(job_id)
        await self._firestore.close()

    def _document(self, collection: str, name: str) -> AsyncDocumentReference:
        if not stored.is_id(name):
            message = "this can be no document's id"
            raise ValueError(message)
        return self._firestore.client.document(collection, name)

    def _day(self, created_by: str, day: date) -> AsyncDocumentReference:
        return self._document(stored.DELETED, stored.id_of(stored.day_of(created_by, day)))

    def _seen(self, job: Job) -> AsyncDocumentReference:
        if not stored.is_id(job.job_id) or job.revision <= 0:
            raise Conflict(job.job_id)  # it was never written
        return self._document(stored.JOBS, job.job_id)

    async def _read(self, collection: str, name: str) -> Snapshot | None:
        """None also for what can be no id, for it came from outside."""
        return await self._firestore.read(self._document(collection, name)) if stored.is_id(name) else None

    async def _commit(self, job_id: str, batch: AsyncWriteBatch) -> int:
        """Goes on when the caller is cancelled: the write may take effect all the same, and whoever waits for it is woken after it."""
        writing = asyncio.create_task(self._firestore.commit(batch))

        def written(task: asyncio.Task[int]) -> None:
            self._wake(job_id)
            if not task.cancelled():
                task.exception()  # the caller, if still there, has it too

        writing.add_done_callback(written)
        return await asyncio.shield(writing)

    @contextlib.contextmanager
    def _watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set by this store's own writes to the job: its readers need not wait for the next poll."""
        written = asyncio.Event()
        self._watchers[job_id].add(written)
        try:
            yield written
        finally:
            self._watchers[job_id].discard(written)
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    def _wake(self, job_id: str) -> None:
        for written in self._watchers.get(job_id, ()):
            written.set()


def _after(listing: page_token.Listing, token: str | None) -> tuple[str, str] | None:
    after = page_token.decode(listing, token)
    if after is not None and not stored.is_id(after[1]):
        raise Terminal("invalid_page_token")
    return after


def _put(batch: AsyncWriteBatch, reference: AsyncDocumentReference, fields: dict[str, Any], *, over: Snapshot | None) -> None:
    """Write the document in place of the one that was read as `over`, if it still is that one."""
    if over is None or not over.exists:
        batch.create(reference, fields)
    else:
        batch.update(reference, fields, _unchanged(revision_of(over)))


def _unchanged(revision: int) -> LastUpdateOption:
    return LastUpdateOption(updated_at(revision))


def _is(snapshot: Snapshot, fields: dict[str, Any]) -> bool:
    """True when the document is what was written as `fields`, and not only like it."""
    return snapshot.exists and snapshot.get("write_id") == fields["write_id"]
