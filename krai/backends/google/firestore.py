"""How krai calls Firestore: a few short tries, Google's errors made krai's, and the server's clock."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from google.api_core import exceptions as google
from google.cloud.firestore import AsyncClient, AsyncDocumentReference, AsyncQuery, AsyncWriteBatch, DocumentSnapshot
from google.cloud.firestore_v1.async_aggregation import AsyncAggregationQuery
from google.cloud.firestore_v1.base_client import DEFAULT_DATABASE
from google.cloud.firestore_v1.types import BatchWriteRequest, WriteResult

from krai import observe
from krai.backends.google.clock import EPOCH, ServerClock, microseconds
from krai.errors import Transient

TRIES = 4
TRY_S = 3.0
BUDGET_S = 6.0  # for all tries of a call together
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.4
OK = 0  # google.rpc.Code

PASSING = (
    google.Aborted,
    google.Cancelled,
    google.DeadlineExceeded,
    google.InternalServerError,
    google.ResourceExhausted,
    google.ServiceUnavailable,
    google.Unknown,
)
NOT_ALLOWED = (google.Forbidden, google.Unauthorized)
UNMET = (google.AlreadyExists, google.FailedPrecondition, google.NotFound)

Snapshot = DocumentSnapshot[AsyncDocumentReference]
T = TypeVar("T")


class Refused(Exception):
    """A precondition of a commit does not hold. `unanswered`: perhaps because an earlier try took effect without an answer."""

    def __init__(self, *, unanswered: bool) -> None:
        super().__init__(unanswered)
        self.unanswered = unanswered


class Firestore:
    """One database. Google's own retries are switched off, for they know nothing of what a try may have done already."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self._clock = ServerClock()
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @classmethod
    async def open(cls, project: str, database: str = DEFAULT_DATABASE) -> Self:
        """Asks for the server's time before anybody else does. Raises Transient store_busy."""
        firestore = cls(AsyncClient(project=project, database=database))
        try:
            await firestore.check()
        except BaseException:
            await firestore.close()
            raise
        return firestore

    def now(self) -> datetime:
        """The server's time, late by no more than an answer takes to arrive."""
        return self._clock.now()

    async def read(self, reference: AsyncDocumentReference) -> Snapshot:
        """The document, or a snapshot that does not exist."""
        snapshot = await self._call(lambda timeout_s: reference.get(retry=None, timeout=timeout_s))
        self._clock.see(snapshot.read_time)
        return snapshot

    async def run(self, query: AsyncQuery) -> Sequence[Snapshot]:
        found: Sequence[Snapshot] = await self._call(lambda timeout_s: query.get(retry=None, timeout=timeout_s))
        if found:
            self._clock.see(found[0].read_time)
        return found

    async def aggregate(self, query: AsyncAggregationQuery) -> int:
        """The one number the query asks for."""
        ((found,),) = await self._call(lambda timeout_s: query.get(retry=None, timeout=timeout_s))
        self._clock.see(found.read_time)
        return int(found.value)

    async def commit(self, batch: AsyncWriteBatch) -> int:
        """Make all writes of the batch or none; the revision that its first document has now. Raises Refused."""
        tries = 0

        async def attempt(timeout_s: float) -> list[WriteResult]:
            nonlocal tries
            tries += 1
            return await batch.commit(retry=None, timeout=timeout_s)

        try:
            written = await self._call(attempt)
        except UNMET as error:
            raise Refused(unanswered=tries > 1) from error
        moment = written[0].update_time
        if moment is None:  # the document was deleted
            return 0
        self._clock.see(moment)
        return microseconds(moment)

    async def create_each(self, documents: Sequence[tuple[AsyncDocumentReference, dict[str, Any]]]) -> Sequence[int | None]:
        """Make documents in one request, each for itself; the revision of each, None where it may not have been made."""
        batch = self.client.batch()
        new: dict[str, int] = {}
        for number, (reference, _) in enumerate(documents):
            new.setdefault(reference.path, number)  # a request may name a document once
        for number in new.values():
            batch.create(*documents[number])
        # The asynchronous client wraps `commit` alone, which makes all or none.
        request = BatchWriteRequest(database=self.client._database_string, writes=batch._write_pbs)  # noqa: SLF001
        write, metadata = self.client._firestore_api.batch_write, self.client._rpc_metadata  # noqa: SLF001
        answer = await self._call(lambda timeout_s: write(request=request, retry=None, timeout=timeout_s, metadata=metadata))
        revisions: list[int | None] = [None] * len(documents)
        for number, status, written in zip(new.values(), answer.status, answer.write_results, strict=True):
            if status.code == OK:
                self._clock.see(written.update_time)
                revisions[number] = microseconds(written.update_time)
        return revisions

    async def check(self) -> None:
        """One read of nothing. Raises Transient."""
        await self.read(self.client.document("jobs", "check"))

    async def close(self) -> None:
        """End what was begun. Later calls raise Transient not_ready."""
        if self._closed:
            return
        self._closed = True
        await self._idle.wait()
        await self.client._firestore_api.transport.close()  # noqa: SLF001 - the asynchronous client has no close of its own

    async def _call(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        if self._closed:
            raise Transient("not_ready", "krai is stopping.", retry_after_s=1)
        self._calls += 1
        self._idle.clear()
        try:
            return await self._try(attempt)
        except NOT_ALLOWED as error:
            observe.log().error("Firestore refuses krai's service account", reason=error.message)
            raise Transient("store_busy", retry_after_s=10) from error
        finally:
            self._calls -= 1
            if self._calls == 0:
                self._idle.set()

    async def _try(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + BUDGET_S
        tries, pause_s = 0, FIRST_PAUSE_S
        while True:
            tries += 1
            try:
                return await attempt(min(TRY_S, until - loop.time()))
            except PASSING as error:
                if tries == TRIES or loop.time() + pause_s >= until or self._closed:
                    raise Transient("store_busy", retry_after_s=1) from error
            await asyncio.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - no secret
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


def revision_of(snapshot: Snapshot) -> int:
    return microseconds(snapshot.update_time)


def updated_at(revision: int) -> datetime:
    """The update time that `revision` stands for."""
    return EPOCH + timedelta(microseconds=revision)
