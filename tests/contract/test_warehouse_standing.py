"""Rows that are added only while an earlier import stands."""

from dataclasses import replace

import pytest

from krai.errors import Terminal
from krai.warehouse.port import Warehouse
from tests.contract.importing import change, drop, load, rows
from tests.contract.test_warehouse import Opener, ids
from tests.contract.test_warehouse_changes import KEY, undo


def add(warehouse: Warehouse, job: str, *numbers: int, beside: str) -> None:
    warehouse.commit("things", replace(change(warehouse, "things", job, rows(*numbers)), beside=beside))


def test_an_import_stands_until_it_is_undone_replaced_or_dropped(warehouse: Warehouse) -> None:
    assert not warehouse.stands("things", "a")
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", rows(1, 2), key=KEY)
    assert [warehouse.stands("things", job) for job in ("a", "b", "c")] == [True, True, False]
    load(warehouse, "things", "c", rows(3), replace=True)
    load(warehouse, "things", "d", rows(4))
    assert [warehouse.stands("things", job) for job in "abcd"] == [False, False, True, True]
    undo(warehouse, "u", "c")
    assert [warehouse.stands("things", job) for job in "abcdu"] == [True, True, False, True, False]
    drop(warehouse, "things")
    assert not warehouse.stands("things", "a")
    load(warehouse, "things", "e", rows(5))
    assert [warehouse.stands("things", job) for job in "ae"] == [False, True]


def test_rows_are_added_beside_an_import_that_stands(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1), replace=True)
    load(warehouse, "things", "b", rows(2))
    add(warehouse, "c", 3, beside="a")
    assert ids(warehouse) == [1, 2, 3]


@pytest.mark.parametrize("how", ["replaced", "undone", "dropped", "dropped and made again"])
def test_a_commit_adds_no_rows_beside_an_import_that_does_not_stand(warehouse: Warehouse, open_warehouse: Opener, how: str) -> None:
    """Also when it went after the parts were written."""
    load(warehouse, "things", "a", rows(1), replace=True)
    late = replace(change(warehouse, "things", "late", rows(9)), beside="a")
    other = open_warehouse()
    if how == "replaced":
        load(other, "things", "b", rows(2), replace=True)
    elif how == "undone":
        undo(other, "u", "a")
    else:
        drop(other, "things")
    if how == "dropped and made again":
        load(other, "things", "b", rows(2))
    before = other.describe("things")
    for attempt in (warehouse.forecast, warehouse.commit):
        with pytest.raises(Terminal, match="import_gone"):
            attempt("things", late)
    assert warehouse.describe("things") == before
    assert warehouse.find_commit("things", "late") is None
