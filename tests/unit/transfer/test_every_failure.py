"""Every code that fails a file as a whole: the smallest files that have it, and a dataset that stays as it was. Which codes there are the
source itself tells."""

import ast
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from tests.guard.source import Module, plant, read_modules
from tests.unit.formats.xlsx_files import OLE, row, sheet, text, xlsx
from tests.unit.transfer.desk import Desk
from tests.unit.transfer.test_every_code import is_failure

# What reads a file: all of krai.formats but its writers, and this of krai.transfer.
READING = ("imports", "load", "readers", "unpacking")
WRITERS = ("xlsx_cells", "xlsx_text")
ELSEWHERE = {
    "import_gone": "of the dataset: tests of modes",
    "internal": "no file leads there: it is how rows that are lost would be told",
    "source_changed": "of the source: tests of imports and of downloads",
}


def parquet(**columns: pa.Array) -> bytes:
    pq.write_table(pa.table(columns), file := io.BytesIO())
    return file.getvalue()


NAME = row(text("a"))
ZIP = gzip.compress(b"a\n1\n", mtime=0)
File = tuple[bytes, dict[str, Any]]

# The dataset has the columns `a`, an int64, and `b`, text.
FILES: dict[str, list[File]] = {
    "bad_cell": [(xlsx(row('<c t="e"><v>#N/A</v></c>')), {})],
    "bad_quote": [(b'a,"b"c\n1,2\n', {})],
    "column_name_too_long": [(b"x" * 256 + b"\n", {"mode": "replace"}), (b'{"' + b"x" * 256 + b'":1}', {"mode": "replace"})],
    "control_character": [(xlsx(row(text("_x0000_"))), {})],
    "corrupt_file": [
        (ZIP[:-1], {}),
        (b"[{}", {}),
        (b"[{}]x", {}),
        (b'{"a":1}\n{"a":2}', {"format": "json"}),
        (b"PAR1", {}),
        (b"PK\3\4", {}),
        (xlsx("", sheet="<worksheet>"), {}),
    ],
    "decompression_limit": [(gzip.compress(b"a\n" + b"1\n" * 600_000), {}), (xlsx(NAME + row() * 200_000), {})],
    "duplicate_column": [
        (b"a,a\n1,2\n", {}),
        (xlsx(row(text("a"), text("a"))), {}),
        (b"a,b\n1,2\n", {"columns": {"a": "b"}}),
        (b'{"a":1,"b":2}', {"columns": {"a": "b"}}),
    ],
    "empty_column_name": [(b"a,\n1,2\n", {}), (xlsx(row("<c/>", text("a"))), {}), (b'{"":1}', {"mode": "replace"})],
    "empty_file": [
        *((b"", {"format": name}) for name in ("auto", "csv", "tsv", "json")),
        (b"_krai_row\n1\n", {}),
        (b"{}\n", {"mode": "replace"}),
        (xlsx(""), {}),
        (b"\n", {"csv": {"header": False}}),
    ],
    "encoding_unsupported": [
        ("a\n1\n".encode("utf-16"), {}),
        ("a\n1\n".encode("utf-16-le"), {}),
        ('["a"]'.encode("utf-16"), {"format": "json"}),
        (b"\xe9\n1\n", {}),
    ],
    "encrypted_file": [(OLE, {}), (OLE, {"format": "xlsx"})],
    "forbidden_xml": [(xlsx("", sheet="<!DOCTYPE a>" + sheet("")), {})],
    "format_mismatch": [
        (ZIP, {"compression": "zstd"}),
        (gzip.compress(ZIP), {}),
        (b"%PDF-", {}),
        (b"a\n", {"format": "xlsx"}),
        (b"a\n", {"format": "parquet"}),
        (parquet(a=[1]), {"format": "csv"}),
        (b"a\n", {"format": "json"}),
        *((data, {"csv": {"delimiter": ";"}}) for data in (b'{"a":1}', b'[{"a":1}]', parquet(a=[1]), xlsx(NAME))),
    ],
    "non_finite_number": [(xlsx(row("<c><v>1e999</v></c>")), {})],
    "reserved_column": [
        (b"a,_krai_note\n1,x\n", {}),
        (b"_krai_row,_krai_raw,a\n7,x,1\n", {}),
        (xlsx(row(text("a"), text("_krai_"))), {}),
        (parquet(a=[1], _krai_row=[7]), {}),
        (b'{"a":1}', {"columns": {"a": "_krai_a"}, "mode": "replace"}),
    ],
    "row_too_large": [(b"a" * 3_000_000, {})],
    "too_many_columns": [
        (b"a,b,c,d\n", {}),
        (b'{"a":1,"b":2,"c":3,"d":4}', {"mode": "replace"}),
        (parquet(**{name: [1] for name in "abcd"}), {}),
        (xlsx(row('<c r="D1"><v>1</v></c>')), {}),
    ],
    "too_many_rejects": [(b"a\nx\n", {}), (b"a\n1\nx\n", {"on_error": "abort"}), (b"nope", {"format": "ndjson"})],
    "unknown_column": [
        (b"a,c\n1,2\n", {}),
        (b'{"c":1}', {}),
        (b"a\n1\n", {"columns": {"c": "a"}}),
        (b'{"a":1}', {"columns": {"c": "b"}}),
        (b"a\n1\n", {"schema": {"c": "int64"}}),
        (b"a\n1\n", {"schema": {"c": "int64"}, "mode": "replace"}),
        (b"a\n1\n", {"mode": "upsert", "key": ["b"]}),
    ],
    "unknown_sheet": [(b"a\n1\n", {"sheet": 1}), (xlsx(NAME), {"sheet": "Two"}), (xlsx(NAME), {"sheet": 2})],
    "unsupported_type": [
        (parquet(a=[[1]]), {}),
        (b"a\n1\n", {"schema": {"a": "string"}}),
        (b"a\n1\n", {"schema": {"a": "string"}, "evolve": True}),
    ],
    "unterminated_quote": [(b'"a\n1\n', {}), (b'a\n"1\n', {})],
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.load(b"a,b\n1,x\n")
    desk.limit(columns=3, row_bytes=1000, unpacked_bytes=1 << 20)
    return desk


@pytest.mark.parametrize(
    ("code", "file"),
    [pytest.param(code, file, id=f"{code}-{number}") for code, files in FILES.items() for number, file in enumerate(files)],
)
def test_a_file_fails_with_its_code_and_the_dataset_stays_as_it_was(desk: Desk, code: str, file: File) -> None:
    before = desk.tools.warehouse.describe("things")
    data, params = file
    with pytest.raises(Terminal) as error:
        desk.load(data, **params)
    assert error.value.code == code
    assert desk.tools.warehouse.describe("things") == before
    assert desk.table().to_pydict() == {"a": [1], "b": ["x"]}


def codes_of_files(modules: Iterable[Module]) -> set[str]:
    """The first argument of each Terminal, where it is a code as it stands."""
    found = set()
    for module in modules:
        _, _, name = module.name.rpartition(".")
        reads = (".formats." in module.name and name not in WRITERS) or (".transfer." in module.name and name in READING)
        failures = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and is_failure(node)] if reads else []
        found |= {str(node.args[0].value) for node in failures if node.args and isinstance(node.args[0], ast.Constant)}
    return found


def test_every_code_of_files_has_its_file() -> None:
    assert codes_of_files(read_modules()) <= FILES.keys() | ELSEWHERE.keys()


def test_a_code_without_a_file_is_found(tmp_path: Path) -> None:
    assert codes_of_files(plant(tmp_path, {"krai/formats/x.py": "raise Terminal('novel', 'x')", "krai/job.py": "Terminal('other')"})) == {
        "novel"
    }
