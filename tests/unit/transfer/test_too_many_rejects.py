"""An import that may not reject rows, or not so many, ends early, changes nothing and leaves the rejected rows to be read."""

from typing import Any

import pytest

from krai.errors import Terminal
from tests.unit.transfer.desk import Desk

POLLUTED = b"id,name\n1,a\n2\n3,c\nx,d\n5\n6,f\n"


def failure(desk: Desk, data: bytes, **params: Any) -> Terminal:
    with pytest.raises(Terminal) as error:
        desk.load(data, **params)
    assert error.value.code == "too_many_rejects"
    return error.value


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"on_error": "abort"}, "A row was rejected, row 2 because of column_count."),
        ({"max_errors": 0}, "A row was rejected, row 2 because of column_count."),
        ({"max_errors": 2}, "More than 2 rows were rejected, row 2 because of column_count."),
    ],
)
def test_too_many_rejects_fail_the_job_and_stay_to_be_read(desk: Desk, params: dict[str, Any], detail: str) -> None:
    error = failure(desk, POLLUTED, schema={"id": "int64"}, **params)
    assert error.detail == detail
    assert desk.tools.warehouse.describe("things") is None
    assert error.result is not None
    assert [entry["row"] for entry in desk.errors(error.result)] == [2, 4, 5]
    assert desk.content(error.result["rejects"]["path"]).count(b"\n") == 4


def test_the_column_is_named_where_it_is_one_cell_that_does_not_fit(desk: Desk) -> None:
    assert failure(desk, b"id\nx\n", schema={"id": "int64"}, on_error="abort").detail.endswith("because of type_mismatch in column id.")
    strange = failure(desk, "i\u202ed\nx\n".encode(), schema={"i\u202ed": "int64"}, on_error="abort")
    assert strange.detail.endswith("because of type_mismatch.")


@pytest.mark.parametrize("params", [{}, {"on_error": "reject"}, {"max_errors": 3}])
def test_as_many_rejects_as_are_allowed_are_rejects(desk: Desk, params: dict[str, Any]) -> None:
    result = desk.load(POLLUTED, schema={"id": "int64"}, **params)
    assert (result["records_processed"], result["records_rejected"]) == (3, 3)


def test_a_good_file_may_be_imported_by_all_or_nothing(desk: Desk) -> None:
    assert desk.load(b"id\n1\n", on_error="abort")["records_processed"] == 1


def test_a_hopeless_file_is_not_read_to_its_end(desk: Desk) -> None:
    desk.limit(block_bytes=64)
    data = b"a,b\n1\n" + b"1,2\n" * 5000
    failure(desk, data, on_error="abort")
    assert desk.listener.said[-1].bytes_processed < len(data) / 10


def test_a_file_that_is_read_twice_is_stopped_at_the_same_row(desk: Desk) -> None:
    desk.limit(block_bytes=64)
    data = b"a,b\n" + b"1,1\n" * 50 + b"x,1\n" + b"1,1\nbad\n" * 50
    error = failure(desk, data, max_errors=3)
    assert error.detail == "More than 3 rows were rejected, row 53 because of column_count."
    assert error.result is not None
    assert desk.errors(error.result)[0]["row"] == 53
