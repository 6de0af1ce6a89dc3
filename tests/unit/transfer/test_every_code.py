"""Every code a row can be rejected with, in every format where it can come up: the smallest file that has it, and all that is said of it.
Which codes there are the source itself tells."""

import ast
import base64
import io
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import PROBLEMS
from tests.guard.source import Module, plant, read_modules
from tests.unit.formats.xlsx_files import row, text, xlsx
from tests.unit.transfer.desk import Desk

TEXT, JSON, TYPED = ("csv", "tsv"), ("ndjson", "json"), ("parquet", "xlsx")
# Whose rows the modules of krai.formats reject, by how their names begin.
OF_MODULES = {
    "delimited": TEXT,
    "records": TEXT,
    "dialect": TEXT,
    "json_": JSON,
    "parquet": ("parquet",),
    "xlsx_": ("xlsx",),
    "typed": (*TEXT, *JSON, *TYPED),
}
ROW_BYTES = 1000
LONG = "x" * (ROW_BYTES + 1)
TOO_LONG = f"The row has more than {ROW_BYTES} bytes."


class Bad(NamedTuple):
    """A row as the file has it; `shown` is how its bytes are told where that is not how they stand, `column` what is said to be wrong."""

    row: Any
    reason: str = ""
    column: str | None = None
    shown: bytes | None = None
    params: Mapping[str, Any] = MappingProxyType({})


def csv(line: bytes) -> bytes:
    return b"id,t\n1,1\n" + line + b"\n0,0\n"


def tsv(line: bytes) -> bytes:
    return csv(line).replace(b",", b"\t")


def ndjson(line: bytes) -> bytes:
    return b'{"id":1,"t":"1"}\n' + line + b'\n{"id":0,"t":"0"}\n'


def json(element: bytes) -> bytes:
    return b'[{"id":1,"t":"1"},\n ' + element + b' ,{"id":0,"t":"0"}]'


def parquet(cells: tuple[int | None, bytes | None]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1, cells[0], 0], "t": pa.array([b"1", cells[1], b"0"]).view(pa.string())}), file)
    return file.getvalue()


def sheet(cells: str) -> bytes:
    return xlsx(row(text("id"), text("t")) + row("<c><v>1</v></c>", text("1")) + row(cells) + row("<c><v>0</v></c>", text("0")))


FILES: dict[str, Any] = {"csv": csv, "tsv": tsv, "ndjson": ndjson, "json": json, "parquet": parquet, "xlsx": sheet}
KEY = {"mode": "upsert", "key": ["id"]}
INT: dict[str, Any] = {"schema": {"id": "int64"}}
DEEP = b'{"id":' + b"[" * 101 + b"]" * 101 + b"}"
NO_INT, NO_KEY = "The cell is not an int64.", "The row has no value in a column of the key."
NOT_UTF8, NUL, NO_JSON = "The row is not UTF-8.", "The row has a NUL character.", "The row is not JSON."

# By code and format; the row stands second of three.
ROWS: dict[tuple[str, str], list[Bad]] = {
    ("column_count", "csv"): [
        Bad(b"2", "The row has 1 cells, the header has 2."),
        Bad(b"2,b,\xc3\xa9", "The row has 3 cells, the header has 2."),
        Bad(b'2,"b\n,b",c', "The row has 3 cells, the header has 2."),
    ],
    ("column_count", "xlsx"): [
        Bad(
            "<c><v>2</v></c><c/>" + text("more"),
            "The row has a cell in column 3, the header has 2.",
            shown=b'{"id":2,"C":"more"}',
        )
    ],
    ("bad_quote", "csv"): [Bad(row, "A quote stands where none may.") for row in (b'2,b"', b'2,"b"x', b'2,""b"')],
    ("control_character", "csv"): [Bad(b"2,b\0", NUL)],
    ("control_character", "ndjson"): [Bad(b'{"id":2,"t":"b\\u0000"}', NUL), Bad(b'{"id":2,"\\u0000":1}', NUL)],
    ("control_character", "parquet"): [Bad((2, b"b\0"), NUL, "t", b'{"id":2,"t":"b\\u0000"}')],
    ("control_character", "xlsx"): [Bad("<c><v>2</v></c>" + text("_x0000_"), NUL, "t", b'{"id":2,"t":"_x0000_"}')],
    ("invalid_utf8", "csv"): [Bad(b"2," + octets, NOT_UTF8) for octets in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe9t\xe9")],
    ("invalid_utf8", "ndjson"): [Bad(b'{"id":2,"t":"\xff"}', NOT_UTF8), Bad(b"\xe9", NOT_UTF8)],
    ("invalid_utf8", "parquet"): [Bad((2, b'\xe9"\n'), NOT_UTF8, "t", b'{"id":2,"t":"\xe9\\"\\n"}')],
    ("row_too_large", "csv"): [Bad(f"2,{LONG}".encode(), TOO_LONG), Bad(f'"{LONG}\n",2'.encode(), TOO_LONG)],
    ("row_too_large", "ndjson"): [Bad(b'{"id":2,"t":"' + LONG.encode() + b'"}', TOO_LONG)],
    ("row_too_large", "xlsx"): [Bad("<c><v>2</v></c>" + text(LONG), TOO_LONG, shown=b'{"id":2}')],
    ("malformed_json", "ndjson"): [
        *(Bad(line, NO_JSON) for line in (b"nope", b'{"id":02}', b'{"id":2}{}', b'{"id":"\t"}')),
        Bad(b"[2]", "The row is JSON, but no object."),
        Bad(b'{"id":2,"id":2}', "An object has one key twice."),
        Bad(b'{"id":NaN}', "NaN and Infinity are no numbers of JSON."),
        Bad(DEEP, "The object is more than 100 levels deep."),
        Bad(b'{"id":2,"t":"\\ud800"}', "The line has half a character."),
        Bad(b'{"_krai_raw":2}', "_krai_raw is not a string."),
        Bad(b'{"_krai_raw":"2","_krai_raw_base64":true}', "_krai_raw is not base64."),
    ],
    ("reserved_column", "ndjson"): [
        Bad(b'{"id":2,"_krai_note":"x"}', "The name of column 2 of the row begins with _krai_."),
        Bad(b'{"_krai_row":7,"id":2,"_krai_ROW":"x"}', "The name of column 3 of the row begins with _krai_."),
        Bad(b'{"id":2,"_krai_raw":"{}"}', "Beside _krai_raw the row has values, which would be lost."),
        Bad(b'{"_krai_row":7,"id":2,"_krai_raw":"{}"}', "Beside _krai_raw the row has values, which would be lost."),
    ],
    ("bad_cell", "xlsx"): [
        Bad('<c t="e"><v>#N/A</v></c>', "The cell holds an error.", "id", b'{"id":"#N/A"}'),
        Bad("<c><v>two</v></c>", "The cell is no number.", "id", b'{"id":"two"}'),
        Bad('<c t="b"><v>2</v></c>', "The cell is neither true nor false.", "id", b'{"id":"2"}'),
        Bad('<c t="s"><v>9</v></c>', "The cell names a text that the file does not have.", "id", b'{"id":"9"}'),
        Bad('<c t="x"><v>2</v></c>', "The cell has a type that XLSX does not know.", "id", b'{"id":"2"}'),
        Bad('<c s="1"><v>60</v></c>', "The cell is no day of the calendar.", "id", b'{"id":"60"}'),
        Bad('<c s="1"><v>9999999</v></c>', "The cell is no day of the calendar.", "id", b'{"id":"9999999"}'),
        Bad(text("_xD800_"), "The cell has half a character.", "id", b'{"id":"_xD800_"}'),
        Bad('<c r="2"><v>2</v></c>', "A cell does not say where it is.", None, b'{"id":2}'),
        Bad('<c r="A3"><v>2</v></c>' * 2, "The row has two cells in one place.", "id", b'{"id":2,"id":2}'),
        Bad('<c r="A3"><v>2</v></c>' * 502, "The row has more cells than columns.", None, b"{" + b",".join([b'"id":2'] * 501) + b"}"),
    ],
    ("non_finite_number", "xlsx"): [
        Bad("<c><v>1e999</v></c>", "A number is not finite.", "id", b'{"id":"1e999"}'),
        Bad("<c><v>INF</v></c>", "A number is not finite.", "id", b'{"id":"INF"}'),
    ],
    ("type_mismatch", "csv"): [
        Bad(b"two,b", NO_INT, "id", params=INT),
        Bad(b'2.5,"b"', NO_INT, "id", params=INT),
        Bad(b"2,b", "The cell is not a boolean.", "t", params={"schema": {"t": "boolean"}}),
    ],
    ("type_mismatch", "ndjson"): [
        Bad(b'{"id":"two"}', NO_INT, "id", params=INT),
        Bad(b'{"id":true}', NO_INT, "id", params=INT),
        Bad(b'{"id":[2]}', NO_INT, "id", params=INT),
    ],
    ("type_mismatch", "parquet"): [
        Bad((2, b"b"), "The cell is not an int64.", "t", b'{"id":2,"t":"b"}', {"schema": {"t": "int64"}}),
        Bad((2, None), "The cell is not a boolean.", "id", b'{"id":2,"t":null}', {"schema": {"id": "boolean"}}),
    ],
    ("type_mismatch", "xlsx"): [Bad(text("two"), NO_INT, "id", b'{"id":"two"}', INT)],
    ("null_key", "csv"): [Bad(b",b", NO_KEY, "id", params=KEY)],
    ("null_key", "ndjson"): [Bad(b'{"t":"b"}', NO_KEY, "id", params=KEY), Bad(b'{"id":null}', NO_KEY, "id", params=KEY)],
    ("null_key", "parquet"): [Bad((None, b"b"), NO_KEY, "id", b'{"id":null,"t":"b"}', KEY)],
    ("null_key", "xlsx"): [Bad("<c/>" + text("b"), NO_KEY, "id", b'{"t":"b"}', KEY)],
}
# What is read the same way is bad for the same reason.
ROWS |= {
    (code, twin): [bad._replace(row=bad.row.replace(b",", b"\t")) if twin == "tsv" else bad for bad in rows]
    for (code, name), rows in ROWS.items()
    for twin in ({"csv": "tsv", "ndjson": "json"}.get(name),)
    if twin is not None
}
CASES = [
    pytest.param(code, name, bad, id=f"{code}-{name}-{number}") for (code, name), rows in ROWS.items() for number, bad in enumerate(rows)
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.limit(row_bytes=ROW_BYTES, columns=500)
    return desk


@pytest.mark.parametrize(("code", "name", "bad"), CASES)
def test_a_bad_row_is_told_with_all_there_is_to_tell(desk: Desk, code: str, name: str, bad: Bad) -> None:
    result = desk.load(FILES[name](bad.row), f"{code}_{name}_{ROWS[code, name].index(bad)}", format=name, **bad.params)
    (error,) = [error for error in desk.errors(result) if error["row"] == 2]
    raw = base64.b64decode(error["raw"]) if error.get("raw_base64") else error["raw"].encode()
    assert (error["column"], error["code"], error["detail"]) == (bad.column, code, bad.reason)
    assert raw == (bad.row if bad.shown is None else bad.shown)
    assert result["records_processed"] + result["records_rejected"] == 3
    assert desk.content(result["rejects"]["path"]).count(code.encode()) == result["records_rejected"]


# -- which codes there are ------------------------------------------------------------------------------------------------------------


def codes_of_rows(modules: Iterable[Module]) -> set[tuple[str, str]]:
    """Code and format of every code that the readers name otherwise than to fail a whole file."""
    found = set()
    for module in modules:
        if PurePath(module.path).parts[:2] != ("krai", "formats"):
            continue
        failing = {id(leaf) for node in ast.walk(module.tree) if is_failure(node) for leaf in ast.walk(node)}
        named = [node for node in ast.walk(module.tree) if isinstance(node, ast.Constant) and id(node) not in failing]
        codes = {str(node.value) for node in named if node.value in PROBLEMS}
        stem = PurePath(module.path).stem
        assert not codes or any(stem.startswith(begin) for begin in OF_MODULES), f"{module.path} rejects rows of which formats?"
        found |= {(code, name) for begin, names in OF_MODULES.items() if stem.startswith(begin) for code in codes for name in names}
    return found


def is_failure(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "Terminal"


def test_every_code_of_rows_has_its_row() -> None:
    assert codes_of_rows(read_modules()) == ROWS.keys()


def test_a_code_without_a_row_is_found(tmp_path: Path) -> None:
    modules = plant(tmp_path, {"krai/formats/json_x.py": "Reject(0, None, 'bad_cell', '', raw)\nTerminal('empty_file')\nx = 'other'"})
    assert codes_of_rows(modules) == {("bad_cell", "ndjson"), ("bad_cell", "json")}
