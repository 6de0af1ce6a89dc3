"""However imports are undone, what is there is what those that stand would have made of it."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from krai.errors import Terminal
from krai.warehouse.port import Counts, Query, Warehouse
from tests.contract.importing import load, rows
from tests.contract.test_warehouse import read
from tests.contract.test_warehouse_changes import KEY, live_rows, named, pairs, undo
from tests.contract.warehouses import Place

Row = tuple[int, str]
STEPS = 30


@dataclass
class Model:
    """The words of docs/imports.md: the imports that stand, one after the other."""

    imports: dict[str, tuple[bool, list[Row]]] = field(default_factory=dict)  # whether it is an upsert, and its rows
    undone: set[str] = field(default_factory=set)

    def rows(self) -> list[Row]:
        there: list[Row] = []
        for job, (is_upsert, its) in self.imports.items():
            if job not in self.undone:
                keys = {key for key, _ in its} if is_upsert else set()
                there = [row for row in there if row[0] not in keys] + its
        return there

    def load(self, job: str, its: list[Row], *, is_upsert: bool) -> None:
        self.imports[job] = (is_upsert, list(dict(its).items()) if is_upsert else its)

    def undo(self, job: str) -> Counts | None:
        """None: there is nothing to undo."""
        its, before = self.imports[job][1], self.rows()
        removed = len([row for row in its if row in before])
        if job in self.undone or not removed:
            return None
        self.undone.add(job)
        return Counts(removed=removed, restored=len(self.rows()) - len(before) + removed, kept=len(its) - removed)


def test_a_row_of_an_undone_append_does_not_come_back(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", named((1, "a"), (2, "b")))
    load(warehouse, "things", "b", named((1, "B")), key=KEY)
    assert undo(warehouse, "u", "a") == Counts(removed=1, kept=1)
    assert undo(warehouse, "v", "b") == Counts(removed=1)
    assert pairs(warehouse) == []
    assert live_rows(warehouse) == 0
    with pytest.raises(Terminal, match="nothing_to_undo"):
        undo(warehouse, "w", "a")


def test_in_place_of_a_row_of_an_undone_upsert_comes_what_that_had_replaced(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", named((1, "a"), (2, "b")))
    load(warehouse, "things", "b", named((1, "B"), (5, "x")), key=KEY)
    load(warehouse, "things", "d", named((1, "C")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=1, kept=1)
    assert undo(warehouse, "v", "d") == Counts(removed=1, restored=1)
    assert pairs(warehouse) == [(1, "a"), (2, "b")]
    assert live_rows(warehouse) == 2


def test_it_comes_from_beneath_many_undone_upserts(warehouse: Warehouse) -> None:
    """Of several keys, each from as far back as it has to."""
    load(warehouse, "things", "a", rows(1, 2, 3))
    load(warehouse, "things", "b", named((1, "b"), (2, "b"), (8, "b")), key=KEY)
    load(warehouse, "things", "c", named((2, "c"), (3, "c"), (7, "c")))
    load(warehouse, "things", "d", named((1, "d"), (2, "d"), (9, "d")), key=KEY)
    load(warehouse, "things", "e", named((1, "e"), (2, "e"), (3, "e")), key=KEY)
    assert undo(warehouse, "u", "d") == Counts(removed=1, kept=2)
    assert undo(warehouse, "v", "b") == Counts(removed=1, kept=2)
    assert undo(warehouse, "w", "e") == Counts(removed=3, restored=5)
    assert sorted(pairs(warehouse)) == [(1, "name 1"), (2, "c"), (2, "name 2"), (3, "c"), (3, "name 3"), (7, "c")]


def test_rows_of_an_undone_replace_do_not_come_back(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", named((1, "b"), (5, "b")), replace=True)
    load(warehouse, "things", "c", named((1, "c"), (7, "c")), key=KEY)
    assert undo(warehouse, "u", "b") == Counts(removed=1, restored=1, kept=1)
    assert undo(warehouse, "v", "c").removed == 2
    assert (1, "b") not in pairs(warehouse)
    assert (2, "name 2") in pairs(warehouse)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_leaves_what_the_standing_imports_make(warehouse: Warehouse, place: Place, seed: int) -> None:
    """And all earlier snapshots are what they were."""
    numbers, model = random.Random(seed), Model()  # noqa: S311 (no secret)
    then: dict[str, Counter[Row]] = {}
    for number in range(min(STEPS, place.commits)):
        job, standing = f"job-{number}", list(model.imports)
        kind = numbers.choices(["append", "upsert", "undo"], [1, 4, 4])[0] if number else "append"
        if kind == "undo":
            undone = numbers.choice(standing)
            expected = model.undo(undone)
            if expected is None:
                with pytest.raises(Terminal, match="nothing_to_undo"):
                    undo(warehouse, job, undone)
            else:
                assert undo(warehouse, job, undone) == expected, number
        else:
            its = [(numbers.randrange(5), f"{job} {place}") for place in range(numbers.randrange(1, 5))]
            model.load(job, its, is_upsert=kind == "upsert")
            load(warehouse, "things", job, named(*its), key=KEY if kind == "upsert" else ())
        assert sorted(pairs(warehouse)) == sorted(model.rows()), number
        assert live_rows(warehouse) == len(model.rows())
        then[warehouse.scan("things").snapshot_id] = Counter(model.rows())
    for snapshot_id, there in then.items():
        table = read(warehouse.scan("things", Query(as_of=snapshot_id)))
        assert Counter(zip(*table.to_pydict().values(), strict=True)) == there
