"""Every Firestore query of krai; terraform/firestore.indexes.json holds the indexes they need.

The emulator answers any query, Firestore itself only those that have their index: tests/guard compares the two.
"""

from datetime import date, datetime

from google.cloud.firestore import AsyncClient, AsyncQuery, FieldFilter
from google.cloud.firestore_v1.async_aggregation import AsyncAggregationQuery

from krai.backends.google import stored
from krai.job import Status, parse_time
from krai.ports import JobQuery

NAME = "__name__"  # the document's id


def listing(client: AsyncClient, query: JobQuery, after: tuple[str, str] | None) -> AsyncQuery:
    """Newest first, one job more than a page holds; `after` is a job's `created_at` and id."""
    found = client.collection(stored.JOBS).order_by("created_at", direction=AsyncQuery.DESCENDING)
    found = found.order_by(NAME, direction=AsyncQuery.DESCENDING).limit(query.page_size + 1)
    for field in ("created_by", "type", "status", "dataset"):
        if (value := getattr(query, field)) is not None:
            found = found.where(filter=FieldFilter(field, "==", str(value)))
    if query.label is not None:
        found = found.where(filter=FieldFilter("labels", "array_contains", stored.label(*query.label)))
    if after is not None:
        created_at, job_id = after
        found = found.start_after({"created_at": parse_time(created_at), NAME: job_id})
    return found


def delivered(client: AsyncClient, webhook_id: str, page_size: int, after: tuple[str, str] | None) -> AsyncQuery:
    """Ended last first, one job more than a page holds; `after` is a job's `finished_at` and id."""
    found = client.collection(stored.JOBS).where(filter=FieldFilter("webhooks", "array_contains", webhook_id))
    found = found.order_by("finished_at", direction=AsyncQuery.DESCENDING)
    found = found.order_by(NAME, direction=AsyncQuery.DESCENDING).limit(page_size + 1)
    if after is not None:
        finished_at, job_id = after
        found = found.start_after({"finished_at": parse_time(finished_at), NAME: job_id})
    return found


def due(client: AsyncClient, now: datetime, limit: int) -> AsyncQuery:
    return client.collection(stored.JOBS).where(filter=FieldFilter("due_at", "<=", now)).order_by("due_at").limit(limit)


def changed(client: AsyncClient, since: datetime, limit: int) -> AsyncQuery:
    return client.collection(stored.JOBS).where(filter=FieldFilter("updated_at", ">=", since)).order_by("updated_at").limit(limit)


def unfinished(client: AsyncClient, created_by: str) -> AsyncAggregationQuery:
    return _counted(_jobs_with(client, "unfinished_of", created_by))


def held(client: AsyncClient, created_by: str) -> AsyncAggregationQuery:
    return _counted(_jobs_with(client, "held_of", created_by))


def waiting(client: AsyncClient, now: datetime) -> AsyncAggregationQuery:
    return _counted(_waiting(client, now))


def longest_waiting(client: AsyncClient, now: datetime) -> AsyncQuery:
    return _waiting(client, now).order_by("waits_since").limit(1)


def processing(client: AsyncClient) -> AsyncAggregationQuery:
    return _counted(_jobs_with(client, "status", Status.PROCESSING.value))


def processed(client: AsyncClient, created_by: str, day: date) -> AsyncAggregationQuery:
    """The sum of the bytes of the caller's jobs of that day."""
    asked = AsyncAggregationQuery(_jobs_with(client, "day_of", stored.day_of(created_by, day)))
    asked.sum("bytes")
    return asked


def oldest_held(client: AsyncClient, created_by: str) -> AsyncQuery:
    return _jobs_with(client, "held_of", created_by).order_by("created_at").order_by(NAME).limit(1)


def next_held_caller(client: AsyncClient, after: str) -> AsyncQuery:
    """Some held job of the caller whose name comes after this one."""
    return client.collection(stored.JOBS).where(filter=FieldFilter("held_of", ">", after)).order_by("held_of").limit(1)


def _waiting(client: AsyncClient, now: datetime) -> AsyncQuery:
    return client.collection(stored.JOBS).where(filter=FieldFilter("waits_since", "<=", now))


def _jobs_with(client: AsyncClient, field: str, value: str) -> AsyncQuery:
    return client.collection(stored.JOBS).where(filter=FieldFilter(field, "==", value))


def _counted(query: AsyncQuery) -> AsyncAggregationQuery:
    asked = AsyncAggregationQuery(query)
    asked.count()
    return asked


def datasets(client: AsyncClient) -> AsyncQuery:
    return client.collection(stored.DATASETS).order_by(NAME)


def entries(client: AsyncClient, collection: str) -> AsyncQuery:
    return client.collection(stored.DIRECTORY, collection, stored.ENTRIES).order_by(NAME)
