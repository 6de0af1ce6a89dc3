"""What every warehouse promises whoever reads: the rows that were asked for, in table order, of the snapshot that was asked for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from krai.errors import Terminal
from krai.job import format_time, parse_time
from krai.warehouse.port import Query, Scan, Warehouse
from tests.contract.importing import load, rows
from tests.contract.warehouses import without_rest

pytestmark = without_rest

NAN = float("nan")


def read(scan: Scan) -> pa.Table:
    table = pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])
    assert table.num_rows == scan.expected()
    return table


def ids(warehouse: Warehouse, text: str | None, limit: int | None = None) -> list[int]:
    numbers: list[int] = read(warehouse.scan("things", Query(filter=text, limit=limit))).column("id").to_pylist()
    return numbers


def code(warehouse: Warehouse, **query: str) -> str:
    with pytest.raises(Terminal) as error:
        warehouse.scan("things", Query(**query))  # type: ignore[arg-type]
    return error.value.code


@pytest.fixture
def numbered(warehouse: Warehouse) -> Warehouse:
    """Ids 0 to 19 in three parts of two commits."""
    load(warehouse, "things", "a", rows(*range(7)), rows(*range(7, 13)))
    load(warehouse, "things", "b", rows(*range(13, 20)))
    return warehouse


def test_a_filter_takes_its_rows_in_table_order(numbered: Warehouse) -> None:
    taken = {
        "id = 5": [5],
        "id >= 6 AND id < 9": [6, 7, 8],
        "id < 2 OR id > 17": [0, 1, 18, 19],
        "NOT id BETWEEN 2 AND 17": [0, 1, 18, 19],
        "id IN (19, 3, 100)": [3, 19],
        "name = 'name 4'": [4],
        "name LIKE 'name 1%' AND id <> 1": list(range(10, 20)),
        "name = '1 or 1=1'": [],
        "id IS NULL": [],
        "FALSE": [],
        "TRUE": list(range(20)),
    }
    assert {text: ids(numbered, text) for text in taken} == taken


def test_a_filter_may_ask_about_columns_that_are_not_read(numbered: Warehouse) -> None:
    scan = numbered.scan("things", Query(columns=["name"], filter="id = 3 OR id = 13"))
    assert read(scan).to_pydict() == {"name": ["name 3", "name 13"]}


def test_a_limit_counts_what_the_filter_lets_through(numbered: Warehouse) -> None:
    for limit in (0, 1, 3, 4, 5, 9, 10, 11):
        assert ids(numbered, "id >= 10", limit) == list(range(10, 20))[:limit]


def test_a_scan_knows_afterwards_how_many_rows_it_had(numbered: Warehouse) -> None:
    scan = numbered.scan("things", Query(filter="id >= 10", limit=3))
    assert read(scan).num_rows == 3
    assert scan.matching() > 3  # there is more
    scan = numbered.scan("things", Query(filter="id >= 10"))
    read(scan)
    assert (scan.matching(), scan.expected()) == (10, 10)
    unasked = numbered.scan("things", Query(limit=4))
    assert (unasked.dropped, unasked.matching(), unasked.expected()) == (None, 20, 4)


def test_filtered_pieces_are_read_by_several_threads_and_more_than_once(numbered: Warehouse) -> None:
    scan = numbered.scan("things", Query(filter="id <> 4"))
    pieces = list(scan.parts)
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            table = pa.concat_tables([scan.schema.empty_table(), *pool.map(lambda piece: piece(), pieces)])
        assert table.column("id").to_pylist() == [number for number in range(20) if number != 4]
        assert scan.expected() == 19


def test_unknown_is_not_true(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", pa.table({"id": [1, 2, 3], "flag": [True, False, None]}))
    assert ids(warehouse, "flag") == [1]
    assert ids(warehouse, "NOT flag") == [2]
    assert ids(warehouse, "flag IS NULL") == [3]
    assert ids(warehouse, "flag IS NOT TRUE") == [2, 3]
    assert ids(warehouse, "flag IS DISTINCT FROM TRUE") == [2, 3]
    assert ids(warehouse, "flag OR id = 3") == [1, 3]
    assert ids(warehouse, "flag = TRUE OR flag <> TRUE") == [1, 2]


def test_nan_is_greater_than_all_numbers_and_zero_has_no_sign(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", pa.table({"id": [1, 2, 3, 4, 5], "x": [NAN, float("inf"), -0.0, 1.5, None]}))
    assert ids(warehouse, "x = 'NaN'") == [1]
    assert ids(warehouse, "x > 1.5") == [1, 2]
    assert ids(warehouse, "x >= 'Infinity'") == [1, 2]
    assert ids(warehouse, "x < 'NaN'") == [2, 3, 4]
    assert ids(warehouse, "x <> 1.5") == [1, 2, 3]
    assert ids(warehouse, "x = 0") == [3]
    assert ids(warehouse, "x IN (0, 'NaN')") == [1, 3]


def test_text_compares_by_code_point_and_like_minds_the_case(warehouse: Warehouse) -> None:
    words = ["Z", "a", "\u00e4", "\uffff", "\U0001f600", "a_b", "axb", "100%"]
    load(warehouse, "things", "a", pa.table({"id": range(8), "word": words}))
    assert ids(warehouse, "word > 'b'") == [2, 3, 4]
    assert ids(warehouse, "word < 'a'") == [0, 7]
    assert ids(warehouse, "word LIKE 'A%'") == []
    assert ids(warehouse, "word LIKE '_'") == [0, 1, 2, 3, 4]
    assert ids(warehouse, r"word LIKE 'a\_b'") == [5]
    assert ids(warehouse, "word LIKE '%!%' ESCAPE '!'") == [7]


def test_values_of_every_type_are_compared_exactly(warehouse: Warehouse) -> None:
    moment = datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    table = pa.table(
        {
            "id": [1, 2],
            "big": [2**53, 2**53 + 1],
            "price": pa.array([1, 10**34], pa.decimal128(38, 2)),
            "day": pa.array([moment.date(), moment.date() + timedelta(days=1)], pa.date32()),
            "local": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("us")),
            "at": pa.array([moment, moment + timedelta(microseconds=1)], pa.timestamp("us", "UTC")),
            "raw": [b"\0", b"\xff"],
        }
    )
    load(warehouse, "things", "a", table)
    assert ids(warehouse, "big = 9007199254740993") == [2]
    assert ids(warehouse, "price = 10000000000000000000000000000000000.00") == [2]
    assert ids(warehouse, "day = '2026-01-31'") == [1]
    assert ids(warehouse, "local = TIMESTAMP '2026-01-31 12:00:00.000001'") == [1]
    assert ids(warehouse, "at > '2026-01-31T13:00:00.000001+01:00'") == [2]
    assert ids(warehouse, r"raw = '\xff'") == [2]


def test_columns_are_compared_with_columns(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", pa.table({"id": [1, 2, 3], "low": [1, 5, None], "Upper Bound": [2, 4, 4]}))
    assert ids(warehouse, 'low < "Upper Bound"') == [1]
    assert ids(warehouse, 'low IS DISTINCT FROM "Upper Bound"') == [1, 2, 3]


def test_a_column_that_a_part_lacks_is_null_to_a_filter(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    load(warehouse, "things", "b", pa.table({"name": ["x"]}))
    assert read(warehouse.scan("things", Query(filter="id IS NULL"))).to_pydict() == {"id": [None], "name": ["x"]}
    assert ids(warehouse, "id > 0") == [1]


def test_what_is_no_filter_is_refused(numbered: Warehouse) -> None:
    assert code(numbered, filter="nothing = 1") == "invalid_filter"
    assert code(numbered, filter="id = 1; drop table things") == "invalid_filter"
    assert code(numbered, filter="id = 'one'") == "invalid_filter"


def test_a_snapshot_is_read_by_its_id_with_the_columns_it_had(warehouse: Warehouse) -> None:
    first = load(warehouse, "things", "a", rows(1, 2))
    load(warehouse, "things", "b", rows(3))
    load(warehouse, "things", "c", pa.table({"other": [True]}), replace=True)
    earlier = warehouse.scan("things", Query(as_of=first.snapshot_id))
    assert earlier.snapshot_id == first.snapshot_id
    assert read(earlier).equals(rows(1, 2))
    assert read(warehouse.scan("things", Query(as_of=first.snapshot_id, filter="id > 1", columns=["name"]))).to_pydict() == {
        "name": ["name 2"]
    }
    assert code(warehouse, as_of=first.snapshot_id, filter="other") == "invalid_filter"
    assert code(warehouse, filter="id > 1") == "invalid_filter"


def test_a_snapshot_is_read_by_a_time_from_its_own_on(warehouse: Warehouse) -> None:
    load(warehouse, "things", "a", rows(1))
    first = warehouse.scan("things")
    at = parse_time(first.snapshot_time)
    assert code(warehouse, as_of=format_time(at - timedelta(milliseconds=1))) == "snapshot_not_found"
    load(warehouse, "things", "b", rows(2))
    second = warehouse.scan("things")
    if second.snapshot_time != first.snapshot_time:
        assert read(warehouse.scan("things", Query(as_of=first.snapshot_time))).equals(rows(1))
    assert read(warehouse.scan("things", Query(as_of=second.snapshot_time))).equals(rows(1, 2))
    assert warehouse.scan("things", Query(as_of="9999-12-31T23:59:59-05:00")).snapshot_id == second.snapshot_id


def test_a_snapshot_that_never_was_is_not_found(numbered: Warehouse) -> None:
    assert code(numbered, as_of="0") == "snapshot_not_found"
    assert code(numbered, as_of="9999999999999999999") == "snapshot_not_found"
    assert code(numbered, as_of="0001-01-01T00:00:00Z") == "snapshot_not_found"


@pytest.mark.parametrize("long", ["zulu " * 1000, "z" * 15 + "\ud7ff" + "b", "\U0010ffff" * 20])
def test_bounds_of_text_and_bytes_hold_whatever_is_written_beside(warehouse: Warehouse, long: str) -> None:
    """A part in pieces: Parquet has no bounds where a value is long, and those of the other pieces are not the file's."""
    words = ["abc", "abd", long, "zulu", "b", "c"]
    pieces = [
        pa.table({"id": [2 * n, 2 * n + 1], "word": (own := words[2 * n : 2 * n + 2]), "raw": [word.encode() for word in own]})
        for n in range(3)
    ]
    load(warehouse, "things", "a", pa.concat_tables(pieces))
    assert ids(warehouse, "word LIKE 'zulu%'") == [n for n, word in enumerate(words) if word.startswith("zulu")]
    assert ids(warehouse, "word > 'abd'") == [n for n, word in enumerate(words) if word > "abd"]
    assert ids(warehouse, r"raw = '\x7a756c75'") == [3]
    load(warehouse, "things", "b", pa.table({"id": [7], "word": ["zulu"], "raw": [b"new"]}), key=["word"])
    assert ids(warehouse, "word = 'zulu'") == [7]
