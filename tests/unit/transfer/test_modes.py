"""What an import may do to a dataset, and what an undo takes back."""

import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from krai.job import Kind
from tests.unit.transfer.desk import Desk

PEOPLE = b"id,name\n1,Ada\n2,Grace\n3,Edsger\n"
UPSERT: dict[str, Any] = {"mode": "upsert", "key": ["id"]}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def code_of(desk: Desk, data: bytes, **params: Any) -> str:
    with pytest.raises(Terminal) as error:
        desk.load(data, **params)
    return error.value.code


def counted(result: dict[str, Any]) -> tuple[int, int, int, int]:
    return tuple(result[f"records_{name}"] for name in ("processed", "inserted", "updated", "rejected"))


def parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_an_upsert_counts_what_it_inserts_and_updates(desk: Desk) -> None:
    assert counted(desk.load(PEOPLE, **UPSERT)) == (3, 3, 0, 0)
    result = desk.load(b"id,name\n2,Hopper\n4,Barbara\n2,Grace Hopper\n,nobody\nx,nobody\n", **UPSERT)
    assert counted(result) == (3, 1, 1, 2)
    assert desk.table().to_pydict() == {"id": [1, 3, 4, 2], "name": ["Ada", "Edsger", "Barbara", "Grace Hopper"]}
    assert [(error["row"], error["column"], error["code"]) for error in desk.errors(result)] == [
        (4, "id", "null_key"),
        (5, "id", "type_mismatch"),
    ]


def test_the_same_upsert_run_again_gives_the_same_result(desk: Desk) -> None:
    desk.load(PEOPLE)
    job = desk.job(Kind.IMPORT, source=desk.put(b"id,name\n1,new\n9,new\n"), **UPSERT)
    first = desk.run(job)
    assert desk.run(job) == first
    assert counted(first.result) == (2, 1, 1, 0)


@pytest.mark.parametrize(
    ("data", "rejected"),
    [
        (b"id,name\n1,a\n,b\n", 1),
        (b'{"id":1,"name":"a"}\n{"name":"b"}\n{"id":null}\n', 2),
        (parquet(id=pa.array([1, None]), name=pa.array(["a", "b"])), 1),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_no_row_without_a_key_is_imported(desk: Desk, data: bytes, rejected: int, *, exists: bool) -> None:
    if exists:
        desk.load(PEOPLE)
    result = desk.load(data, **UPSERT)
    assert counted(result) == (1, 0 if exists else 1, 1 if exists else 0, rejected)
    assert {error["code"] for error in desk.errors(result)} == {"null_key"}


def test_a_file_of_rows_without_the_key_column_is_refused(desk: Desk) -> None:
    assert code_of(desk, PEOPLE, mode="upsert", key=["nope"]) == "unknown_column"
    desk.load(PEOPLE)
    assert code_of(desk, b"name\nx\n", **UPSERT) == "unknown_column"
    assert code_of(desk, b'{"name":"x"}\n', **UPSERT) == "too_many_rejects"
    assert desk.table().num_rows == 3


def test_an_import_may_add_columns_when_it_may_evolve(desk: Desk) -> None:
    desk.load(PEOPLE)
    data = b"city,id\nParis,4\nNew York,5\n"
    assert code_of(desk, data) == "unknown_column"
    desk.load(data, evolve=True)
    assert desk.types() == {"id": "int64", "name": "string", "city": "string"}
    assert desk.table().column("city").to_pylist() == [None, None, None, "Paris", "New York"]
    assert code_of(desk, b"id,name,city\n1,a,b\nx,a,b\n", on_error="abort") == "too_many_rejects"


def test_a_new_columns_type_is_that_of_the_whole_file(desk: Desk) -> None:
    desk.load(PEOPLE)
    desk.limit(block_bytes=16)
    desk.load(b"id,name,weight\n4,a,\n5,b,1\n6,c,2\n7,d,2.5\n", evolve=True)
    assert desk.types()["weight"] == "float64"
    assert desk.table().column("weight").to_pylist() == [None, None, None, None, 1, 2, 2.5]


@pytest.mark.parametrize(
    ("held", "cell", "fits"),
    [
        ("int64", "2.5", False),
        ("int64", "text", False),
        ("int64", "99999999999999999999", False),
        ("float64", "7", True),
        ("string", "7", True),
        ("boolean", "7", False),
        ("date", "2026-01-01T00:00:00", False),
        ("timestamp", "2026-01-01", True),
        ("decimal(5,2)", "1234.5", False),
    ],
)
def test_without_a_declared_type_no_column_changes_its_own(desk: Desk, held: str, cell: str, *, fits: bool) -> None:
    desk.load(b"id,value\n0,\n", schema={"value": held})
    result = desk.load(f"id,value\n1,\n2,{cell}\n".encode(), evolve=True)
    assert counted(result) == ((2, 2, 0, 0) if fits else (1, 1, 0, 1))
    assert desk.types()["value"] == held


def test_a_decimal_gets_more_digits_where_they_are_declared(desk: Desk) -> None:
    desk.load(b"id,price\n1,123.45\n", schema={"price": "decimal(5,2)"})
    desk.load(b"id,price\n2,12345.67\n", schema={"price": "decimal(9,2)"}, evolve=True)
    desk.load(parquet(id=pa.array([3]), price=pa.array([Decimal("123456789.01")], pa.decimal128(12, 2))), evolve=True)
    assert desk.types()["price"] == "decimal(12,2)"
    assert desk.table().column("price").to_pylist() == [Decimal("123.45"), Decimal("12345.67"), Decimal("123456789.01")]
    for other in ("decimal(20,3)", "int64", "float64", "string"):
        assert code_of(desk, b"id,price\n4,1\n", schema={"price": other}, evolve=True) == "unsupported_type"
    assert code_of(desk, b"id,price\n4,1\n", schema={"price": "decimal(20,2)"}) == "unsupported_type"


def test_a_column_of_a_file_with_types_is_as_wide_by_whichever_name(desk: Desk) -> None:
    desk.load(b"id,price\n1,1.50\n", schema={"price": "decimal(5,2)"})
    data = parquet(id=pa.array([2]), Amount=pa.array([Decimal("123456789.01")], pa.decimal128(12, 2)))
    assert counted(desk.load(data, columns={"Amount": "price"}, evolve=True)) == (1, 1, 0, 0)
    assert desk.types()["price"] == "decimal(12,2)"


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(desk: Desk) -> None:
    desk.load(PEOPLE)
    before, files = desk.tools.warehouse.describe("things"), sorted((desk.folder / "warehouse").rglob("*"))
    outcome = desk.run(desk.job(Kind.IMPORT, source=desk.put(b"id,city\n1,London\n7,Paris\n,x\n"), evolve=True, dry_run=True, **UPSERT))
    result = outcome.result
    assert outcome.dataset is None
    assert counted(result) == (2, 1, 1, 1)
    assert (result["dry_run"], result["snapshot_id"]) == (True, None)
    assert [(column["name"], column["type"]) for column in result["schema"]] == [("id", "int64"), ("name", "string"), ("city", "string")]
    assert result["bytes"] > 0
    assert result["rejects"]["records"] == 1
    assert desk.tools.warehouse.describe("things") == before
    assert [path for path in sorted((desk.folder / "warehouse").rglob("*")) if path.is_file()] == [path for path in files if path.is_file()]
    assert desk.listener.asked == 1  # by the first import


def preview(desk: Desk, data: bytes, **params: Any) -> dict[str, Any]:
    result = desk.load(data, dry_run=True, **params)
    shown: dict[str, Any] = json.loads(desk.content(result["preview"]["path"]))
    return shown


def test_a_dry_run_shows_the_first_rows_as_they_would_be_kept(desk: Desk) -> None:
    rows = "".join(f"{number},{number}.50,2026-01-{number:02}\n" for number in range(1, 31))
    shown = preview(desk, b"id,price,day\n" + rows.encode(), columns={"price": "amount"})
    assert shown["columns"] == ["id", "amount", "day"]
    assert (len(shown["rows"]), shown["rows"][0], shown["rows"][19]) == (20, ["1", "1.5", "2026-01-01"], ["20", "20.5", "2026-01-20"])


def test_a_preview_has_no_rejected_row_and_all_columns(desk: Desk) -> None:
    desk.limit(block_bytes=4)
    shown = preview(desk, b'{"id":1}\n{"id":2}\n[]\n{"id":3,"name":"Ada"}\n{"id":null,"name":"Grace"}\n')
    assert shown == {"columns": ["id", "name"], "rows": [["1", None], ["2", None], ["3", "Ada"], [None, "Grace"]]}


def test_a_preview_holds_the_types_of_the_whole_file(desk: Desk) -> None:
    desk.limit(block_bytes=8)
    assert preview(desk, b"n\n1\n2\n" + b"x\n" * 20)["rows"][:3] == [["1"], ["2"], ["x"]]
    assert preview(desk, b"n,m\n" + b",1\n" * 20 + b"0.50,1\n")["rows"][0] == [None, "1"]


def test_a_preview_is_small(desk: Desk) -> None:
    wide = ",".join(f"c{number}" for number in range(1000)).encode() + b"\n" + (b"," * 999 + b"x" * 300 + b"\n") * 20
    rows = preview(desk, wide)["rows"]
    assert (len(rows), rows[0][-1]) == (4, "x" * 200 + "…")


def test_a_dry_run_makes_no_dataset(desk: Desk) -> None:
    result = desk.load(PEOPLE, dry_run=True)
    assert counted(result) == (3, 3, 0, 0)
    assert desk.tools.warehouse.describe("things") is None
    assert code_of(desk, b"id\n\x00\n", dry_run=True) == "too_many_rejects"


def test_an_undo_takes_an_import_back(desk: Desk) -> None:
    desk.load(PEOPLE)
    upsert = desk.job(Kind.IMPORT, source=desk.put(b"id,name\n1,new\n9,new\n"), **UPSERT)
    desk.run(upsert)
    job = desk.job(Kind.UNDO, job_id=upsert.job_id)
    outcome = desk.run(job)
    assert outcome.dataset is not None
    assert replace(outcome.dataset, snapshots=()) == desk.tools.warehouse.describe("things")
    assert [(snapshot.mode, snapshot.rows, snapshot.removed, snapshot.restored) for snapshot in outcome.dataset.snapshots] == [
        ("undo", 3, 2, 1)
    ]
    assert outcome.dataset is not None
    assert outcome.result == {
        "records_removed": 2,
        "records_restored": 1,
        "records_kept": 0,
        "snapshot_id": outcome.dataset.snapshot_id,
    }
    assert desk.table().column("name").to_pylist() == ["Ada", "Grace", "Edsger"]
    assert desk.run(job) == outcome
    with pytest.raises(Terminal, match="nothing_to_undo"):
        desk.run(desk.job(Kind.UNDO, job_id=upsert.job_id))


def test_an_undo_waits_for_leave_to_commit(desk: Desk) -> None:
    load = desk.job(Kind.IMPORT, source=desk.put(PEOPLE))
    desk.run(load)
    desk.run(desk.job(Kind.UNDO, job_id=load.job_id))
    assert desk.listener.asked == 2


REPLACED = b"id,v\n1,old\nbad\n"


@pytest.mark.parametrize("how", ["replaced", "undone", "dropped", "dropped and made again"])
def test_mended_rejects_are_not_added_to_what_came_after_their_replace(desk: Desk, how: str) -> None:
    """Whatever columns it has."""
    replace = desk.job(Kind.IMPORT, source=desk.put(REPLACED), mode="replace")
    desk.run(replace)
    mended = {**desk.put(b"id,v\n2,old\n"), "rejects_of": replace.job_id}
    desk.run(desk.job(Kind.IMPORT, source=mended))
    assert desk.table().column("id").to_pylist() == [1, 2]
    if how == "undone":
        desk.run(desk.job(Kind.UNDO, job_id=replace.job_id))
    elif how == "replaced":
        desk.load(b"other\n5\n", mode="replace")
    else:
        desk.run(desk.drop_job())
    if how == "dropped and made again":
        desk.load(b"id,v\n5,new\n")
    before = desk.tools.warehouse.describe("things")
    with pytest.raises(Terminal, match="import_gone"):
        desk.run(desk.job(Kind.IMPORT, source=mended))
    assert desk.tools.warehouse.describe("things") == before


def test_mended_rejects_go_where_their_import_went(desk: Desk) -> None:
    desk.load(PEOPLE)
    result = desk.load(b"id,name\n1,new\nx,Barbara\n", **UPSERT)
    mended = desk.content(result["rejects"]["path"]).replace(b"x,Barbara", b"4,Barbara")
    assert counted(desk.load(mended, **UPSERT)) == (1, 1, 0, 0)
    assert desk.table().column("name").to_pylist() == ["Grace", "Edsger", "new", "Barbara"]
