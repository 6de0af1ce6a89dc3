"""However imports are undone, what is there is what those that stand would have made of it."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace

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

    imports: dict[str, tuple[str, list[Row]]] = field(default_factory=dict)  # the mode of each, and its rows
    undone: set[str] = field(default_factory=set)

    def rows(self) -> list[Row]:
        there: list[Row] = []
        for job, (mode, its) in self.imports.items():
            if job not in self.undone:
                keys = {key for key, _ in its}
                kept = [row for row in there if mode == "append" or (mode == "upsert" and row[0] not in keys)]
                there = kept + its
        return there

    def load(self, job: str, its: list[Row], mode: str) -> None:
        self.imports[job] = (mode, list(dict(its).items()) if mode == "upsert" else its)

    def undo(self, job: str) -> Counts | None:
        """None: there is nothing to undo."""
        (mode, its), before, jobs = self.imports[job], self.rows(), list(self.imports)
        later = [other for other in jobs[jobs.index(job) + 1 :] if other not in self.undone]
        if job in self.undone or any(self.imports[other][0] == "replace" for other in later):
            return None
        self.undone.add(job)
        removed = len([row for row in its if row in before])
        restored = len(self.rows()) - len(before) + removed
        if not removed and not restored:
            self.undone.remove(job)
            return None
        # What of newer upserts is in the way of a replaced dataset is counted in tests of its own.
        return Counts(removed=removed, restored=restored, kept=0 if mode == "replace" else len(its) - removed)


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
    assert undo(warehouse, "v", "c") == Counts(removed=2, restored=1)
    assert sorted(pairs(warehouse)) == [(1, "name 1"), (2, "name 2")]
    assert live_rows(warehouse) == 2


def test_what_the_undo_of_a_replace_has_left_out_comes_back_when_no_upsert_has_its_key_any_more(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1, 2, 3, 4))
    load(warehouse, "things", "b", named((1, "b")), replace=True)
    load(warehouse, "things", "c", named((1, "c"), (2, "c")), key=KEY)
    load(warehouse, "things", "d", named((2, "d"), (3, "d")), key=KEY)
    load(warehouse, "things", "e", named((9, "e")))
    assert undo(warehouse, "u", "b") == Counts(restored=1, kept=3)
    assert undo(warehouse, "v", "d") == Counts(removed=2, restored=2)
    assert sorted(pairs(warehouse)) == [(1, "c"), (2, "c"), (3, "name 3"), (4, "name 4"), (9, "e")]
    assert undo(warehouse, "w", "c") == Counts(removed=2, restored=2)
    assert sorted(pairs(warehouse)) == [(1, "name 1"), (2, "name 2"), (3, "name 3"), (4, "name 4"), (9, "e")]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_any_order_leaves_what_the_standing_imports_make(warehouse: Warehouse, place: Place, seed: int) -> None:
    """And all earlier snapshots are what they were."""
    numbers, model = random.Random(seed), Model()  # noqa: S311 (no secret)
    then: dict[str, Counter[Row]] = {}
    for number in range(min(STEPS, place.commits)):
        job, standing = f"job-{number}", list(model.imports)
        kind = numbers.choices(["append", "upsert", "replace", "undo"], [2, 8, 1, 8])[0] if number else "append"
        if kind == "undo":
            undone = numbers.choice(standing)
            expected = model.undo(undone)
            if expected is None:
                with pytest.raises(Terminal, match="nothing_to_undo"):
                    undo(warehouse, job, undone)
            else:
                counts = undo(warehouse, job, undone)
                assert (replace(counts, kept=0) if model.imports[undone][0] == "replace" else counts) == expected, number
        else:
            its = [(numbers.randrange(5), f"{job} {place}") for place in range(numbers.randrange(1, 5))]
            model.load(job, its, kind)
            load(warehouse, "things", job, named(*its), replace=kind == "replace", key=KEY if kind == "upsert" else ())
        assert sorted(pairs(warehouse)) == sorted(model.rows()), number
        assert live_rows(warehouse) == len(model.rows())
        then[warehouse.scan("things").snapshot_id] = Counter(model.rows())
    for snapshot_id, there in then.items():
        table = read(warehouse.scan("things", Query(as_of=snapshot_id)))
        assert Counter(zip(*table.to_pydict().values(), strict=True)) == there
