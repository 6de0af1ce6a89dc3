"""Whatever was done to a file: it is refused as a whole with its reason and nothing happens, or each row is imported or rejected."""

import base64
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from krai.errors import PROBLEMS, Terminal
from krai.job import Job, Kind
from tests.unit.transfer.desk import Desk
from tests.unit.transfer.pollution import ROW_BYTES, Polluted, Row, make

FILES = 100


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def files_of(desk: Desk, dataset: str) -> list[Path]:
    return [file for file in (desk.folder / "warehouse").rglob("*") if file.is_file() and f"/{dataset}/" in file.as_posix()]


def as_kept(value: Any, kind: pa.DataType) -> Any:
    """A value as a column of that type holds it."""
    if value is None or not pa.types.is_string(kind):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def outcome(desk: Desk, job: Job) -> dict[str, Any] | Terminal:
    """The only two ways an import may end."""
    try:
        return desk.run(job).result
    except Terminal as failure:
        return failure


def check(desk: Desk, seed: int) -> str:
    polluted, dataset = make(seed), f"polluted_{seed}"
    desk.limit(row_bytes=ROW_BYTES, block_bytes=(64, 1000, 1 << 20)[seed % 5 % 3], unpacked_bytes=64 << 20)
    job = desk.job(Kind.IMPORT, dataset, source=desk.put(polluted.data), **polluted.params)
    result = outcome(desk, job)
    if isinstance(result, Terminal):
        assert result.code in PROBLEMS.keys() - {"internal"}
        assert polluted.rows is None or (result.code in {"too_many_rejects", "empty_file"} and not polluted.clean)
        assert desk.tools.warehouse.describe(dataset) is None
        desk.tools.warehouse.sweep(dataset, job.job_id, None)
        assert files_of(desk, dataset) == []
        return result.code
    check_counts(desk, dataset, result, polluted.rows)
    if polluted.rows is None:
        check_none_is_lost(desk, dataset, result, polluted)
    else:
        check_clean(desk.table(dataset), polluted.clean)
    if result["rejects"]:
        check_rejects_are_rows(desk, dataset, result, polluted)
    return "imported"


def check_counts(desk: Desk, dataset: str, result: dict[str, Any], rows: int | None) -> None:
    processed, rejected = result["records_processed"], result["records_rejected"]
    assert desk.table(dataset).num_rows == processed
    if rows is not None:
        assert processed + rejected == rows
    errors = desk.errors(result)
    numbers = [error["row"] for error in errors]
    assert len(numbers) == rejected
    assert numbers == sorted(set(numbers))
    assert not numbers or (numbers[0] >= 1 and numbers[-1] <= processed + rejected)
    assert {error["code"] for error in errors} <= PROBLEMS.keys()
    assert (result["rejects"] or {"records": 0})["records"] == rejected


def check_none_is_lost(desk: Desk, dataset: str, result: dict[str, Any], polluted: Polluted) -> None:
    """A quote that opens somewhere may make a cell of many rows, but what they hold is still there."""
    codes = {error["code"] for error in desk.errors(result)}
    if "row_too_large" in codes:  # of which only the beginning is kept
        return
    held = str(desk.table(dataset).to_pylist()) + (rejects_of(desk, result, polluted) if result["rejects"] else "")
    assert [row["id"] for row in polluted.clean if row["id"] not in held] == []


def rejects_of(desk: Desk, result: dict[str, Any], polluted: Polluted) -> str:
    encoding = polluted.params.get("csv", {}).get("encoding", "utf-8")
    data = desk.content(result["rejects"]["path"])
    packed = [json.loads(line)["_krai_raw"] for line in data.splitlines() if b'"_krai_raw_base64": true' in line]
    return data.decode(encoding, "replace") + "".join(base64.b64decode(raw).decode(errors="replace") for raw in packed)


def check_rejects_are_rows(desk: Desk, dataset: str, result: dict[str, Any], polluted: Polluted) -> None:
    """The rejects file is read by the request that has rejected them, row by row."""
    params = {name: value for name, value in polluted.params.items() if name != "compression"}
    source = desk.put(desk.content(result["rejects"]["path"]))
    again = outcome(desk, desk.job(Kind.IMPORT, dataset, source=source, **params))
    if isinstance(again, Terminal):
        if again.code == "unknown_column" and polluted.is_sheet:
            return  # a cell beneath no name has the letter of its column, which no dataset has
        assert again.code == "too_many_rejects"
        assert again.result is not None
        codes = {error["code"] for error in desk.errors(result)}
        if result["rejects"]["name"] == "rejects.ndjson" and "row_too_large" not in codes:
            assert [error["raw"] for error in desk.errors(again.result)] == [error["raw"] for error in desk.errors(result)]
        rows = again.result["rejects"]["records"]
    else:
        rows = again["records_processed"] + again["records_rejected"]
    assert rows == result["records_rejected"]


def check_clean(table: pa.Table, clean: list[Row]) -> None:
    """Each row that nobody touched is there once, as it was, and those are in their order."""
    kinds = {field.name: field.type for field in table.schema}
    ids = {row["id"] for row in clean}
    found = [{name: row[name] for name in clean[0]} for row in table.to_pylist() if row["id"] in ids] if clean else []
    expected = [{name: as_kept(value, kinds[name]) for name, value in row.items()} for row in clean]
    assert found == expected


@pytest.mark.parametrize("seed", range(FILES))
def test_every_row_of_a_polluted_file_is_imported_or_rejected(desk: Desk, seed: int) -> None:
    check(desk, seed)
