"""XLSX as other programs read it: openpyxl, and calamine, which is what polars and pandas read it by."""

import datetime as dt
import io
import math
import zipfile
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import example, given, strategies as st
from python_calamine import load_workbook

from krai.errors import Terminal
from krai.formats.xlsx_cells import MOST_CHARACTERS
from krai.formats.xlsx_text import XlsxFormat, letters
from tests.unit.formats.reading_files import read_all
from tests.unit.formats.test_xlsx import reader
from tests.unit.formats.writing import write, write_as


def read(data: bytes) -> list[tuple[Any, ...]]:
    """The rows of the first sheet without its header, as openpyxl has them."""
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    return list(sheet.iter_rows(min_row=2, values_only=True))


def column(cells: list[Any], kind: pa.DataType) -> list[Any]:
    return [row[0] for row in read(write(pa.table({"c": pa.array(cells, kind), "n": [1] * len(cells)}), format="xlsx"))]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@x", "007", "1e5", "TRUE", "2020-01-31", "https://example.org", "NA", "#N/A", " x ", ""]
)
def test_text_is_text_whatever_it_looks_like(cell: str) -> None:
    data = write(pa.table({"c": [cell]}), format="xlsx")
    (found,) = next(openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(min_row=2))
    assert (found.value, found.data_type) == (cell, "s")
    assert found.hyperlink is None
    assert load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1:] == [[cell]]


def test_null_is_no_cell_and_the_empty_text_is_one() -> None:
    with zipfile.ZipFile(io.BytesIO(write(pa.table({"c": [None, ""]}), format="xlsx"))) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert '<row r="3"><c r="A3" t="inlineStr"><is><t xml:space="preserve"></t></is></c></row>' in sheet
    assert '<row r="2"><c r="A2"><v></v></c></row>' in sheet, "a row of nulls is a row all the same"


def test_numbers_are_numbers_where_a_double_keeps_them() -> None:
    assert column([1, -(2**53), 2**53 + 1, None], pa.int64()) == [1, -(2**53), "9007199254740993", None]
    assert column([0.1 + 0.2, 1e300, 5e-324, 0.0], pa.float64()) == [0.30000000000000004, 1e300, 5e-324, 0]
    assert column([math.nan, math.inf, -math.inf, -0.0], pa.float64()) == ["nan", "inf", "-inf", "-0.0"]
    exact = [Decimal("1.50"), Decimal("0.1"), Decimal("123456789012345.00"), Decimal("1234567890123456.00"), Decimal("-0.01")]
    assert column(exact, pa.decimal128(20, 2)) == [1.5, 0.1, 123456789012345, "1234567890123456.00", -0.01]
    assert column([True, False, None], pa.bool_()) == [True, False, None]


def test_dates_and_times_are_excels_where_it_has_them() -> None:
    days = [dt.date(1900, 2, 28), dt.date(1900, 3, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]
    assert column(days, pa.date32()) == ["1900-02-28", *(dt.datetime(day.year, day.month, day.day) for day in days[1:])]  # noqa: DTZ001
    times = [dt.datetime(2020, 1, 31, 23, 59, 59, 999_000), dt.datetime(2020, 1, 31, 0, 0, 0, 1), dt.datetime(1899, 1, 1)]  # noqa: DTZ001
    assert column(times, pa.timestamp("us")) == [times[0], "2020-01-31T00:00:00.000001", "1899-01-01T00:00:00"]
    assert column([0, 1], pa.timestamp("us", "UTC")) == ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z"]
    assert column([b"\xfb\xff", b""], pa.binary()) == ["+/8=", ""]


def test_a_time_before_excels_calendar_is_text_up_to_its_last_millisecond() -> None:
    times = [dt.datetime(1900, 2, 28, 0, 0, 0, 1000), dt.datetime(1900, 2, 28, 12), dt.datetime(1900, 2, 28, 23, 59, 59, 999_000)]  # noqa: DTZ001
    assert column(times, pa.timestamp("us")) == ["1900-02-28T00:00:00.001000", "1900-02-28T12:00:00", "1900-02-28T23:59:59.999000"]
    last = [dt.datetime(9999, 12, 31, 23, 59, 59, 999_000), dt.datetime(1900, 3, 1)]  # noqa: DTZ001
    assert column(last, pa.timestamp("us")) == last


@given(st.lists(st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 31)), min_size=1, max_size=3))  # noqa: DTZ001
def test_a_time_keeps_its_milliseconds(times: list[dt.datetime]) -> None:
    times = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in times]
    assert column(times, pa.timestamp("us")) == times


@example(["_x0041_x0042_", "_x000D_", "a\rb", "x0041_"])
@given(
    st.lists(
        st.text(alphabet=st.one_of(st.sampled_from("_x0041\r\n\t <>&\"'"), st.characters(exclude_categories=["Cs"]))),
        min_size=1,
        max_size=3,
    )
)
def test_every_text_comes_back(cells: list[str]) -> None:
    data = write(pa.table({"c": cells, "n": [1] * len(cells)}), format="xlsx")
    read = [row[0] for row in load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()[1:]]
    assert read == cells


def test_rows_that_one_sheet_cannot_hold_go_on_in_the_next() -> None:
    table = pa.table({"id": list(range(10)), "s": [f"r{n}" for n in range(10)]})
    data, _ = write_as(XlsxFormat(table.schema, "a" * 31, sheet_rows=5), table)
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["a" * 31, "a" * 27 + " (2)", "a" * 27 + " (3)"]
    rows = [list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
    assert [(sheet[0], len(sheet)) for sheet in rows] == [(("id", "s"), 5), (("id", "s"), 5), (("id", "s"), 3)]
    assert [row for sheet in rows for row in sheet[1:]] == [(n, f"r{n}") for n in range(10)]
    assert read_all(reader(data)).rows == [(str(n), f"r{n}") for n in range(10)], "krai knows its own"
    assert read_all(reader(data, sheet=2)).rows == [(str(n), f"r{n}") for n in range(4, 8)]


def test_no_rows_are_a_header_and_equal_tables_are_equal_bytes() -> None:
    table = pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())})
    assert openpyxl.load_workbook(io.BytesIO(write(table, format="xlsx"))).worksheets[0]["B1"].value == "b"
    table = pa.table({"a": list(range(1000))})
    assert write(table, format="xlsx") == write(table, format="xlsx")


def test_excel_keeps_a_title_for_itself() -> None:
    table = pa.table({"a": [1]})
    data, _ = write_as(XlsxFormat(table.schema, "history"), table)
    assert openpyxl.load_workbook(io.BytesIO(data)).sheetnames == ["history_"]


def test_what_excel_cannot_hold_is_refused_and_not_cut() -> None:
    fits = "é" * MOST_CHARACTERS
    assert column([fits], pa.string()) == [fits]
    for cell in (f"{fits}a", "😀" * (MOST_CHARACTERS // 2 + 1)):
        with pytest.raises(Terminal, match="column 1 has a longer one") as error:
            column([cell], pa.string())
        assert error.value.code == "cell_too_large"
    with pytest.raises(Terminal) as error:
        XlsxFormat(pa.schema([(f"c{n}", pa.int64()) for n in range(16_385)]), "t")
    assert error.value.code == "too_many_columns"


def test_columns_are_named_as_excel_does() -> None:
    assert [letters(number) for number in (1, 26, 27, 52, 703, 16_384)] == ["A", "Z", "AA", "AZ", "AAA", "XFD"]
