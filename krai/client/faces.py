"""`Client` and `AsyncClient`: the same calls, and who carries them out."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from krai.client import access, checking, exporting, importing, jobs as job_calls, waiting
from krai.client.models import Job
from krai.client.sending import PATIENCE_S, Session
from krai.client.steps import Flow

P = ParamSpec("P")
T = TypeVar("T")


def _quiet(_: str) -> None:
    pass


class Face:
    """A krai at `url`, called as the owner of `api_key`.

    `patience_s` is how long a call is tried again while krai does not answer. `state` is a folder that remembers transfers that are
    broken off, so that the same call goes on with them; `say` is told of that, and of what else a person may wonder about.
    Raises Insecure for an address that would show the key, ValueError for one that is none.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        patience_s: float = PATIENCE_S,
        state: Path | None = None,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        # Not at the top: httpx takes longer to load than a command takes that asks nobody.
        from krai.client.connection import Connection  # noqa: PLC0415

        self._connection = Connection(url, api_key)
        self._session = Session(base_url=self._connection.base_url, patience_s=patience_s, state=state, say=say)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.base_url!r})"


def _now(flow: Callable[Concatenate[Session, P], Flow[T]]) -> Callable[Concatenate["Client", P], T]:
    @wraps(flow)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(flow(self._session, *args, **kwargs))

    return call


def _awaited(flow: Callable[Concatenate[Session, P], Flow[T]]) -> Callable[Concatenate["AsyncClient", P], Awaitable[T]]:
    @wraps(flow)
    async def call(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(flow(self._session, *args, **kwargs))

    return call


class Client(Face):
    def __init__(self, url: str, api_key: str | None = None, *, transport: Any = None, **options: Any) -> None:
        """`transport`: another one than httpx's own."""
        from krai.client.sync import Carriers  # noqa: PLC0415

        super().__init__(url, api_key, **options)
        self._carriers = Carriers(self._connection, transport)

    card = _now(checking.card)
    readiness = _now(checking.readiness)
    status = _now(checking.status)
    clock_ahead_s = _now(checking.clock_ahead_s)
    try_storage = _now(checking.try_storage)
    create_export = _now(job_calls.create_export)
    create_import = _now(job_calls.create_import)
    export_to = _now(exporting.export_to)
    import_from = _now(importing.import_from)
    upload = _now(importing.upload)
    download = _now(exporting.download)
    download_rejects = _now(exporting.download_rejects)
    job = _now(job_calls.job)
    jobs = _now(job_calls.jobs)
    wait = _now(waiting.wait)
    result = _now(job_calls.result)
    files = _now(job_calls.files)
    rejects = _now(job_calls.rejects)
    cancel = _now(job_calls.cancel)
    retry = _now(job_calls.retry)
    undo = _now(job_calls.undo)
    delete = _now(job_calls.delete)
    datasets = _now(access.datasets)
    dataset = _now(access.dataset)
    snapshots = _now(access.snapshots)
    drop_dataset = _now(access.drop_dataset)
    me = _now(access.me)
    keys = _now(access.keys)
    create_key = _now(access.create_key)
    rotate_key = _now(access.rotate_key)
    revoke_key = _now(access.revoke_key)
    users = _now(access.users)
    put_user = _now(access.put_user)
    remove_user = _now(access.remove_user)

    def watch(self, job_id: str, *, timeout_s: float | None = None) -> Iterator[Job]:
        """Every state of the job that is seen, until its last. Raises WaitedTooLong."""
        return self._carriers.new().steps(waiting.watch(self._session, job_id, timeout_s=timeout_s))

    def run(self, flow: Flow[T]) -> T:
        return self._carriers.new().run(flow)

    def close(self) -> None:
        self._carriers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Face):
    def __init__(self, url: str, api_key: str | None = None, *, transport: Any = None, **options: Any) -> None:
        """`transport`: another one than httpx's own."""
        from krai.client.asynchronous import AsyncCarriers  # noqa: PLC0415

        super().__init__(url, api_key, **options)
        self._carriers = AsyncCarriers(self._connection, transport)

    card = _awaited(checking.card)
    readiness = _awaited(checking.readiness)
    status = _awaited(checking.status)
    clock_ahead_s = _awaited(checking.clock_ahead_s)
    try_storage = _awaited(checking.try_storage)
    create_export = _awaited(job_calls.create_export)
    create_import = _awaited(job_calls.create_import)
    export_to = _awaited(exporting.export_to)
    import_from = _awaited(importing.import_from)
    upload = _awaited(importing.upload)
    download = _awaited(exporting.download)
    download_rejects = _awaited(exporting.download_rejects)
    job = _awaited(job_calls.job)
    jobs = _awaited(job_calls.jobs)
    wait = _awaited(waiting.wait)
    result = _awaited(job_calls.result)
    files = _awaited(job_calls.files)
    rejects = _awaited(job_calls.rejects)
    cancel = _awaited(job_calls.cancel)
    retry = _awaited(job_calls.retry)
    undo = _awaited(job_calls.undo)
    delete = _awaited(job_calls.delete)
    datasets = _awaited(access.datasets)
    dataset = _awaited(access.dataset)
    snapshots = _awaited(access.snapshots)
    drop_dataset = _awaited(access.drop_dataset)
    me = _awaited(access.me)
    keys = _awaited(access.keys)
    create_key = _awaited(access.create_key)
    rotate_key = _awaited(access.rotate_key)
    revoke_key = _awaited(access.revoke_key)
    users = _awaited(access.users)
    put_user = _awaited(access.put_user)
    remove_user = _awaited(access.remove_user)

    def watch(self, job_id: str, *, timeout_s: float | None = None) -> AsyncIterator[Job]:
        """Every state of the job that is seen, until its last. Raises WaitedTooLong."""
        return self._carriers.new().steps(waiting.watch(self._session, job_id, timeout_s=timeout_s))

    async def run(self, flow: Flow[T]) -> T:
        return await self._carriers.new().run(flow)

    async def close(self) -> None:
        await self._carriers.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
