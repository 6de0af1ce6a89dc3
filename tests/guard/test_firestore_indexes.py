"""Every query that krai asks of Firestore has its index in the file that is deployed, for the emulator answers without any."""

import ast
import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, combinations
from typing import Any, Self

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient, AsyncQuery, FieldFilter
from google.cloud.firestore_v1.async_aggregation import AsyncAggregationQuery
from google.cloud.firestore_v1.types import StructuredQuery

from krai.backends.google import queries, stored
from krai.job import Kind, Status
from krai.ports import JobQuery
from tests.contract.examples import START, a_dataset, a_job, a_record
from tests.guard.source import ROOT, Module, read_modules

FILE = ROOT / "terraform" / "firestore.indexes.json"
FILTERS: dict[str, Any] = {
    "created_by": "me",
    "type": Kind.EXPORT,
    "status": Status.FAILED,
    "dataset": "users",
    "label": ("team", "a"),
}
ASCENDING, CONTAINS = "ASCENDING", "CONTAINS"
Asked = AsyncQuery | AsyncAggregationQuery
Part = tuple[str, str]  # a field, and how an index has it


@dataclass(frozen=True)
class Index:
    collection: str
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Self:
        assert entry["queryScope"] == "COLLECTION"
        return cls(
            entry["collectionGroup"], tuple((part["fieldPath"], part.get("order") or part["arrayConfig"]) for part in entry["fields"])
        )


@dataclass(frozen=True)
class Shape:
    """What of a query decides which index it needs."""

    collection: str
    equal: frozenset[str]
    contains: frozenset[str]
    ranged: frozenset[str]
    orders: tuple[Part, ...]  # without the id that ends every index, in the direction of its last field

    @classmethod
    def of(cls, query: Asked) -> Self:
        """What is summed must stand in an index too, like what is sorted by; what is counted only as far as it is searched for."""
        asked, summed = query._to_protobuf(), []  # noqa: SLF001 - what is sent is what counts
        if isinstance(query, AsyncAggregationQuery):
            summed = [(part.sum.field.field_path, ASCENDING) for part in asked.aggregations if "sum" in part]
            asked = asked.structured_query
        where, operator = asked.where, StructuredQuery.FieldFilter.Operator
        single = [where.field_filter] if "field_filter" in where else []
        filters = single + [part.field_filter for part in where.composite_filter.filters]
        fields: dict[Any, set[str]] = {}
        for part in filters:
            fields.setdefault(part.op, set()).add(part.field.field_path)
        ranges = (operator.LESS_THAN_OR_EQUAL, operator.GREATER_THAN, operator.GREATER_THAN_OR_EQUAL)
        ranged = set().union(*(fields.pop(one, set()) for one in ranges))
        equal, contains = fields.pop(operator.EQUAL, set()), fields.pop(operator.ARRAY_CONTAINS, set())
        assert not fields, "an operator that this guard does not know"
        orders = [(order.field.field_path, order.direction.name) for order in asked.order_by]
        if orders and orders[-1][0] == queries.NAME:
            _, direction = orders.pop()
            assert direction == (orders[-1][1] if orders else ASCENDING), "an index ends with the id in the direction of its last field"
        return cls(asked.from_[0].collection_id, frozenset(equal), frozenset(contains), frozenset(ranged), tuple(orders + summed))


@dataclass(frozen=True)
class Deployed:
    composite: frozenset[Index]
    exempted: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        overrides = document["fieldOverrides"]
        assert all(entry["indexes"] == [] for entry in overrides)
        return cls(
            frozenset(map(Index.read, document["indexes"])),
            frozenset((entry["collectionGroup"], entry["fieldPath"]) for entry in overrides),
        )

    def serving(self, shape: Shape) -> frozenset[Index] | None:
        """The composite indexes that answer the query together, none if it needs none; None when it would be refused.

        https://firebase.google.com/docs/firestore/query-data/index-overview: an index has the fields that are compared with ==, in any
        order, then the sort order. Indexes are merged for == alone, each with the same sort order. Nothing says so of
        array-contains, so such a query needs an index of exactly its fields.
        """
        fields = {part for part, _ in shape.orders} | shape.ranged
        if not shape.equal and not shape.contains:
            exempted = any((shape.collection, field) in self.exempted for field in fields)
            return None if len(fields) > 1 or exempted else frozenset()
        if len(shape.equal) == 1 and not shape.contains and not fields:
            return None if (shape.collection, *shape.equal) in self.exempted else frozenset()
        wanted = {(field, ASCENDING) for field in shape.equal} | {(field, CONTAINS) for field in shape.contains}
        of_its_order = {
            index: set(index.parts[: -len(shape.orders)])
            for index in self.composite
            if index.collection == shape.collection and index.parts[-len(shape.orders) :] == shape.orders
        }
        for index, parts in of_its_order.items():
            if parts == wanted:
                return frozenset({index})
        merged = frozenset(index for index, parts in of_its_order.items() if parts < wanted)
        covered = set(chain.from_iterable(of_its_order[index] for index in merged))
        return merged if covered == wanted and not shape.contains else None


CLIENT = AsyncClient(project="krai", credentials=AnonymousCredentials())


def listings() -> list[AsyncQuery]:
    """Every combination of the filters, on its first page and on a later one."""
    chosen = chain.from_iterable(combinations(FILTERS, count) for count in range(len(FILTERS) + 1))
    asked = [JobQuery(**{name: FILTERS[name] for name in names}) for names in chosen]
    return [queries.listing(CLIENT, query, after) for query in asked for after in (None, ("2026-01-31T12:00:00.000000Z", "a"))]


def others() -> list[Asked]:
    return [
        queries.due(CLIENT, START, 10),
        *(queries.delivered(CLIENT, "a", 10, after) for after in (None, ("2026-01-31T12:00:00.000000Z", "a"))),
        queries.changed(CLIENT, START, 10),
        queries.unfinished(CLIENT, "me"),
        queries.held(CLIENT, "me"),
        queries.waiting(CLIENT, START),
        queries.longest_waiting(CLIENT, START),
        queries.processing(CLIENT),
        queries.processed(CLIENT, "me", START.date()),
        queries.oldest_held(CLIENT, "me"),
        queries.next_held_caller(CLIENT, "me"),
        queries.datasets(CLIENT),
        queries.entries(CLIENT, "sources"),
    ]


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text())
    return read


def refused(deployed: Deployed, asked: Iterable[Asked]) -> list[Shape]:
    return [shape for shape in map(Shape.of, asked) if deployed.serving(shape) is None]


def used(deployed: Deployed, asked: Iterable[Asked]) -> frozenset[Index]:
    return frozenset(chain.from_iterable(deployed.serving(shape) or () for shape in map(Shape.of, asked)))


def queries_elsewhere(modules: Iterable[Module]) -> list[str]:
    """Modules that speak to Firestore and ask it on their own."""
    asking = {"where", "order_by", "collection_group", "select", "start_after", "stream", "list_documents"}
    return [
        f"{module.path}:{node.lineno}"
        for module in modules
        if module.name != queries.__name__ and any("google.cloud.firestore" in name for _, name in module.imports())
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in asking
    ]


def test_every_listing_has_its_index() -> None:
    assert len(listings()) == 2 * 2 ** len(FILTERS)
    assert refused(Deployed.read(document()), listings()) == []


def test_every_other_query_has_its_index() -> None:
    assert refused(Deployed.read(document()), others()) == []


def test_no_index_is_kept_for_nothing() -> None:
    deployed = Deployed.read(document())
    assert len(document()["indexes"]) == len(deployed.composite)
    assert used(deployed, [*listings(), *others()]) == deployed.composite


def test_every_filter_reaches_the_query() -> None:
    shapes = {Shape.of(query) for query in listings()}
    assert len(shapes) == 2 ** len(FILTERS)
    assert {len(shape.equal) + len(shape.contains) for shape in shapes} == set(range(len(FILTERS) + 1))


def test_what_is_deleted_or_never_searched_for_is_what_is_written() -> None:
    written = {
        stored.JOBS: stored.of_job(a_job()),
        stored.RECORDS: stored.of_record(a_record("scope", expires_at=START)),
        stored.DATASETS: stored.of_dataset(a_dataset("users", rows=1)),
        stored.ENTRIES: stored.of_entry("name", {}),
        stored.DELETED: stored.of_deleted(a_job()),
    }
    overrides = document()["fieldOverrides"]
    assert [entry for entry in overrides if entry["fieldPath"] not in written[entry["collectionGroup"]]] == []
    assert {entry["collectionGroup"] for entry in overrides if entry["fieldPath"] == "doc"} == set(written) - {stored.DELETED}
    assert {(entry["collectionGroup"], entry["fieldPath"]) for entry in overrides if entry.get("ttl")} == {
        (stored.JOBS, "delete_at"),
        (stored.RECORDS, "expires_at"),
        (stored.DELETED, "expires_at"),
    }
    assert stored.of_job(a_job())["delete_at"] is None
    assert stored.of_record(a_record("scope", expires_at=START + timedelta(1)))["expires_at"] == START + timedelta(1)


def test_all_queries_stand_in_one_module() -> None:
    assert queries_elsewhere(read_modules()) == []


# -- and the guard sees what it is to see ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(json.loads(FILE.read_text())["indexes"])))
def test_a_missing_index_is_found(number: int) -> None:
    less = document()
    del less["indexes"][number]
    assert refused(Deployed.read(less), [*listings(), *others()]) != []


def test_an_index_of_another_order_serves_nothing() -> None:
    turned = document()
    for part in chain.from_iterable(entry["fields"] for entry in turned["indexes"]):
        part.update({"order": ASCENDING} if part["fieldPath"] == "created_at" else {})
    assert len({*refused(Deployed.read(turned), listings())}) == 2 ** len(FILTERS) - 1


def test_an_index_that_nothing_needs_is_found() -> None:
    more = document()
    more["indexes"].append(copy.deepcopy(more["indexes"][0]))
    more["indexes"][-1]["fields"].insert(0, {"fieldPath": "parent_job_id", "order": ASCENDING})
    deployed = Deployed.read(more)
    assert len(deployed.composite - used(deployed, [*listings(), *others()])) == 1


def test_a_field_that_is_searched_for_may_not_be_exempted() -> None:
    more = document()
    more["fieldOverrides"].append({"collectionGroup": "jobs", "fieldPath": "due_at", "indexes": []})
    assert len(refused(Deployed.read(more), others())) == 1


def test_a_new_way_to_search_is_found() -> None:
    query = queries.due(CLIENT, START, 1).where(filter=FieldFilter("dataset", "==", "users"))
    assert refused(Deployed.read(document()), [query]) != []
