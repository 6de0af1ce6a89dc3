"""CSV in the caller's spelling, and that another reader reads it as it was meant."""

import csv
import datetime as dt
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st
from pyarrow import csv as arrow_csv

from krai.formats.spreadsheet import restore
from tests.unit.formats.writing import write

TABLE = pa.table({"a;b": pa.array(["x;y", "", None, "\\N", "z"]), "n": pa.array([1.5, None, -2.0, 0.0, 1e30])})
DELIMITERS = "\t !#$%&'()*+,./:;<=>?@[\\]^_`{|}~-"


def test_tsv_has_tabs_and_quotes_what_needs_them() -> None:
    table = pa.table({"a\tb": ["x\ty", "x,y", '"'], "n": [1, 2, 3]})
    assert write(table, format="tsv").decode() == '"a\tb"\tn\n"x\ty"\t1\nx,y\t2\n""""\t3\n'


def test_a_delimiter_a_null_and_no_header() -> None:
    style = {"delimiter": ";", "header": False, "null": "\\N"}
    assert write(TABLE, csv=style).decode() == '"x;y";1.5\n"";\\N\n\\N;-2.0\n"\\N";0.0\nz;1e+30\n'


def test_a_null_that_is_spelled_like_a_number_does_not_hide_it() -> None:
    assert write(pa.table({"n": [0, None, 1]}), csv={"null": "0"}).decode() == 'n\n"0"\n0\n1\n'


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_with_every_delimiter_cells_stay_apart(delimiter: str) -> None:
    table = pa.table(
        {
            "a": pa.array([f"x{delimiter}y", "plain", None]),
            "f": pa.array([-1.5, 1e-20, None]),
            "t": pa.array([dt.datetime(2020, 1, 31, 12, 0, 0, 5, dt.UTC), None, None], pa.timestamp("us", "UTC")),
            "d": pa.array([dt.date(2020, 1, 31), None, None]),
            "b": pa.array([b"\xfb\xff", b"", None]),
        }
    )
    rows = list(csv.reader(io.StringIO(write(table, csv={"delimiter": delimiter}).decode()), delimiter=delimiter))
    assert rows == [
        ["a", "f", "t", "d", "b"],
        [f"x{delimiter}y", "-1.5", "2020-01-31T12:00:00.000005Z", "2020-01-31", "+/8="],
        ["plain", "1e-20", "", "", ""],
        ["", "", "", "", ""],
    ]


@pytest.mark.parametrize("text", ["plain", "x y;-,z"])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_whole_numbers_stay_whole_beside_any_text(delimiter: str, text: str) -> None:
    numbers = [-(2**63), 2**63 - 1, 0, None, -1]
    table = pa.table({"n": pa.array(numbers, pa.int64()), "m": pa.array(numbers[::-1], pa.int64()), "a": [text] * len(numbers)})
    rows = list(csv.reader(io.StringIO(write(table, csv={"delimiter": delimiter}).decode()), delimiter=delimiter))
    spelled = ["" if number is None else str(number) for number in numbers]
    assert rows[1:] == [[n, m, text] for n, m in zip(spelled, spelled[::-1], strict=True)]


@given(
    st.lists(st.one_of(st.none(), st.text(alphabet='ab,;\\N"\n\r ', max_size=4)), min_size=1),
    st.sampled_from(["\\N", "a", "NULL", ""]),
    st.sampled_from(["rfc4180", "spreadsheet"]),
)
def test_nulls_and_texts_are_told_apart(cells: list[Any], null: str, profile: str) -> None:
    made = write(pa.table({"c": pa.array(cells, pa.string()), "n": [1] * len(cells)}), csv={"null": null, "profile": profile})
    read = arrow_csv.read_csv(
        pa.BufferReader(made),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types={"c": pa.string()}, null_values=[null], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    text = read["c"].combine_chunks()
    assert (restore(text) if profile == "spreadsheet" else text).to_pylist() == cells
