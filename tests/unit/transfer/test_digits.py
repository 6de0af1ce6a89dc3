"""Numbers for a `float64` column of a dataset: with all their digits, or not at all, unless the request itself asks for floats."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.formats.xlsx_files import row, text, xlsx
from tests.unit.transfer.desk import Desk

KEPT = ["1.5", "-0.1", "1e5", "1.50", "9007199254740994", "0.12345678901234568", "1E+22", "5e-324", "1.5e-300", "90071992547409.3"]
LOST = [
    *("9007199254740993", "123456789012345678901234567890", "0.1234567890123456789", "1e-400", "-9007199254740993", "0.10000000000000001"),
    *("9201153527622944e-3", "1e-99999999999999999999", "3e-324"),
]
TAKEN_ANYWAY = [cell for cell in LOST if "99999999999" not in cell]


def as_csv(cells: list[str]) -> bytes:
    return "\n".join(["n", *cells]).encode()


def as_tsv(cells: list[str]) -> bytes:
    return "".join(f"{cell}\t\n" for cell in ["n", *cells]).encode().replace(b"n\t\n", b"n\tm\n", 1)


def as_lines(cells: list[str]) -> bytes:
    return "".join(f'{{"n":{cell}}}\n' for cell in cells).encode()


def as_spread_lines(cells: list[str]) -> bytes:
    """Not all alike, so that Arrow's parser has them."""
    return "".join(f'{{"n": {cell}}}\n' if place % 2 else f'{{"n":{cell}}}\n' for place, cell in enumerate(cells)).encode()


def as_strings(cells: list[str]) -> bytes:
    return "".join(f'{{"n":"{cell}"}}\n' for cell in cells).encode()


def as_array(cells: list[str]) -> bytes:
    return f"[{','.join(f'{{{chr(34)}n{chr(34)}:{cell}}}' for cell in cells)}]".encode()


def as_sheet(cells: list[str]) -> bytes:
    return xlsx("".join([row(text("n")), *(row(text(cell)) for cell in cells)]))


def as_parquet(cells: list[str]) -> bytes:
    pq.write_table(pa.table({"n": cells}), file := io.BytesIO())
    return file.getvalue()


WRITERS = [as_csv, as_tsv, as_lines, as_spread_lines, as_strings, as_array, as_sheet, as_parquet]


@pytest.fixture
def floats(desk: Desk) -> Desk:
    desk.load(b'{"n":0.5}\n{"m":""}\n')
    assert desk.types()["n"] == "float64"
    return desk


def numbers(desk: Desk) -> list[Any]:
    return [cell for cell in desk.table().column("n").to_pylist() if cell is not None]


@pytest.mark.parametrize("write", WRITERS)
def test_a_number_comes_into_a_dataset_with_all_its_digits_or_not(floats: Desk, write: Any) -> None:
    result = floats.load(write(KEPT + LOST + ["true"]))
    assert numbers(floats) == [0.5, *map(float, KEPT)]
    entries = floats.errors(result)
    assert {(entry["column"], entry["code"]) for entry in entries} == {("n", "type_mismatch")}
    assert [entry["row"] for entry in entries] == list(range(len(KEPT) + 1, len(KEPT) + len(LOST) + 2))
    told = "A float64 does not keep all digits of the number."
    assert [entry["detail"] for entry in entries] == [told] * len(LOST) + ["The cell is not a float64."]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("cell", ["9007199254740993", "1e-400", "9201153527622944e-3"])
def test_one_such_number_among_many_is_found(floats: Desk, write: Any, cell: str) -> None:
    result = floats.load(write(["1.5"] * 60 + [cell] + ["2"] * 60))
    assert [entry["row"] for entry in floats.errors(result)] == [61]
    assert numbers(floats) == [0.5, *[1.5] * 60, *[2.0] * 60]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_who_asks_for_floats_gets_the_nearest(floats: Desk, write: Any, mode: str) -> None:
    cells = ["1.5"] * 60 + TAKEN_ANYWAY
    floats.load(write(cells), schema={"n": "float64"}, mode=mode)
    assert numbers(floats)[-len(cells) :] == list(map(float, cells))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("asked", [{}, {"schema": {"n": "float64"}}], ids=["dataset", "schema"])
def test_no_two_keys_become_one(floats: Desk, write: Any, asked: dict[str, Any]) -> None:
    result = floats.load(write(["9007199254740992", "9007199254740993"]), mode="upsert", key=["n"], evolve=True, **asked)
    assert (result["records_processed"], result["records_rejected"]) == (1, 1)
    assert numbers(floats) == [0.5, 9007199254740992.0]


def test_a_renamed_column_is_held_to_the_same(floats: Desk) -> None:
    lines = as_lines(["1.5"] * 30 + ["9007199254740993"]).replace(b'"n"', b'"x"')
    assert floats.load(lines, columns={"x": "n"})["records_rejected"] == 1
    assert floats.load(lines, columns={"x": "n"}, schema={"n": "float64"})["records_rejected"] == 0


@pytest.mark.parametrize("name", ["csv", "tsv", "ndjson", "json", "xlsx"])
def test_what_krai_writes_of_floats_it_takes_back(floats: Desk, name: str) -> None:
    extremes = [1.7976931348623157e308, 5e-324, 2.0**53 + 2, 0.1 + 0.2, -0.0, 1e22, 123456789012345680.0]
    pq.write_table(pa.table({"n": pa.array(extremes)}), file := io.BytesIO())
    floats.load(file.getvalue())
    before = numbers(floats)
    assert floats.load(floats.exported(format=name), format=name)["records_rejected"] == 0
    assert json.dumps(numbers(floats)) == json.dumps(before * 2)


def test_an_exponent_beyond_all_reason_leaves_a_new_column_text(desk: Desk) -> None:
    desk.load(b'{"n":1.5}\n{"n":1e-99999999999999999999}\n')
    assert desk.table().column("n").to_pylist() == ["1.5", "1e-99999999999999999999"]
