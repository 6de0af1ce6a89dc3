"""What an NDJSON file may hold, and that the fast way through a block and the exact one give the same."""

import io
import json
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from krai.errors import Terminal
from krai.formats import json_rows
from krai.formats.json_cells import JsonCells, PlainJsonCells
from krai.formats.json_fast import parse_fast
from krai.formats.json_lines import Malformed, cells_of, read_line
from krai.formats.lines import Lines
from krai.formats.ndjson import NdjsonReader
from tests.unit.formats.reading_files import FileRead, read_json, read_ndjson


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nope", "malformed_json"),
        (b"[1]", "malformed_json"),
        (b"1", "malformed_json"),
        (b'{"a":1', "malformed_json"),
        (b'{"a":1}{"a":2}', "malformed_json"),
        (b'{"a":1,}', "malformed_json"),
        (b"{'a':1}", "malformed_json"),
        (b'{"a":01}', "malformed_json"),
        (b'{"a":NaN}', "malformed_json"),
        (b'{"a":Infinity}', "malformed_json"),
        (b'{"a":1,"a":2}', "malformed_json"),
        (b'{"a":1,"\\u0061":2}', "malformed_json"),
        (b'{"a":{"b":1,"b":2}}', "malformed_json"),
        (b'{"a":"\\ud800"}', "malformed_json"),
        (b'{"a":"x\ty"}', "malformed_json"),
        (b'{"a":' + b"[" * 100_000 + b"}", "malformed_json"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "malformed_json"),
        (b'{"a":' + b'{"b":' * 600 + b"1" + b"}" * 600 + b"}", "malformed_json"),
        (b'{"a":"\xff"}', "invalid_utf8"),
        (b'{"a":"x\\u0000"}', "control_character"),
        (b'{"a":1}\0', "malformed_json"),
        (b'{"a":"' + b"x" * 300_000 + b'"}', "row_too_large"),
    ],
)
@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_a_bad_line_is_rejected_as_it_came_and_its_neighbours_are_imported(line: bytes, code: str, block_bytes: int) -> None:
    read = read_ndjson(b'{"a":1}\n' + line + b'\n\n{"a":3}\r\n{"a":4}', block_bytes=block_bytes, max_row_bytes=250_000)
    assert read.rows == [("1",), ("3",), ("4",)]
    ((number, found, raw),) = read.rejected
    assert (number, found) == (2, code)
    assert line.startswith(raw) if code == "row_too_large" else raw == line


def test_the_columns_are_the_keys_of_all_lines_in_their_order() -> None:
    read = read_ndjson(b'{"b":1}\n{}\n{"a":"x","b":null}\n')
    assert (read.names, read.rows) == (["b", "a"], [("1", None), (None, None), (None, "x")])


@pytest.mark.parametrize("read", [read_ndjson, read_json])
def test_objects_of_few_keys_each_are_read_in_pieces(read: Callable[[bytes], FileRead], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": number, f"k{number % 7}": f"{number}"} for number in range(50)]
    lines = [json.dumps(row) for row in rows]
    lines[20] = "nope"
    data = ("[" + ",\n".join(lines) + "]" if read is read_json else "\n".join(lines)).encode()
    whole = read(data)
    monkeypatch.setattr(json_rows, "_MOST_CELLS", 30)
    assert read(data) == whole
    assert [(reject.row, reject.code) for reject in whole.rejected] == [(21, "malformed_json")]
    assert len(whole.rows) == 49


def test_a_piece_has_a_bounded_number_of_cells_whatever_is_known_of_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "_MOST_CELLS", 30)
    wide = json.dumps({f"x{number}": 1 for number in range(50)}).encode()
    data = b"".join(b'{"k%d":1}\n' % (number % 10) for number in range(101)) + wide
    reader = NdjsonReader(lambda: io.BytesIO(data), max_row_bytes=1 << 20, max_columns=100)
    for known in ({}, {f"k{number}": "int64" for number in range(10)}):
        reader.learn(known, {})
        parsed = [piece for block in reader.blocks() for piece in reader.parse(block)]
        assert sum(piece.rows for piece in parsed) == 102
        assert max(piece.whole * len({**known, **piece.columns}) for piece in parsed[:-1]) <= 30
        assert (parsed[-1].whole, len(parsed[-1].columns)) == (1, 50), "a row is never cut"


def test_a_file_of_too_many_keys_is_not_read_to_its_end() -> None:
    data = b"".join(b'{"k%d":1}\n' % number for number in range(50))
    assert len(read_ndjson(data, max_columns=50).names) == 50
    for block_bytes in (1, 1 << 20):
        with pytest.raises(Terminal) as error:
            read_ndjson(data + b'{"one":"more"}\n', max_columns=50, block_bytes=block_bytes)
        assert error.value.code == "too_many_columns"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-0", "9223372036854775807"], "int64"),
        (["1.5", "2", "1e5", "1E-3"], "float64"),
        (["1.0"], "float64"),
        (["true", "null"], "boolean"),
        (['"2020-01-31"'], "date"),
        (['"2020-01-31T12:00:00"'], "timestamp"),
        (['"2020-01-31T12:00:00Z"'], "timestamptz"),
        (['"1"', '"2"'], "string"),
        (['"true"'], "string"),
        (["1", '"2"'], "string"),
        (["1", "true"], "string"),
        (["9223372036854775808"], "decimal(19,0)"),
        (["1", "-12345678901234567890"], "decimal(20,0)"),
        (["9" * 38, "12345678901234567890"], "decimal(38,0)"),
        (["9" * 39], "string"),
        (["12345678901234567890", "1.0"], "string"),
        (["12345678901234567890", "1e20"], "string"),
        (["12345678901234567890", '"1"'], "string"),
        (["0.12345678901234567890123"], "string"),
        (["1e400"], "string"),
        (["1.5", "9007199254740993"], "string"),
        (["null"], "string"),
    ],
)
def test_a_column_gets_the_narrowest_type_that_keeps_all_its_values(values: list[str], expected: str) -> None:
    data = "".join(f'{{"a":{value}}}\n' for value in values).encode()
    assert read_ndjson(data).types == {"a": expected}


def test_text_made_of_numbers_keeps_their_spelling_and_nested_values_are_json() -> None:
    values = ['"x"', "123456789012345678901234567890", "1.50", "true", '{"b": [1.10, null, "é"]}', "[]"]
    read = read_ndjson("".join(f'{{"a":{value}}}\n' for value in values).encode())
    assert [row[0] for row in read.rows] == ["x", "123456789012345678901234567890", "1.50", "true", '{"b":[1.10,null,"é"]}', "[]"]


@pytest.mark.parametrize("row", ['{"a":1}', ' {"a":1}', '{"a": 1 }\t', '{"a":1}\r'])
@pytest.mark.parametrize("blank", ["", " ", "\t", " \t ", "\r", " \r", "\r\r"])
@pytest.mark.parametrize("block_bytes", [4, 1 << 20])
def test_blank_lines_are_no_rows(row: str, blank: str, block_bytes: int) -> None:
    lines = [blank, *[row] * 20, blank, blank, "nope", row, blank]
    for data in ("\n".join(lines), "\n".join(lines) + "\n"):
        read = read_ndjson(data.encode(), block_bytes=block_bytes)
        assert (read.rows, read.total) == ([("1",)] * 21, 22)
        assert [(reject.row, reject.raw) for reject in read.rejected] == [(21, b"nope")]


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ('{"a":1,"a":2}', "An object has one key twice."),
        ('{"a":1,"\\u0061":2}', "An object has one key twice."),
        ('{"a":[{"b":1,"b":1}]}', "An object has one key twice."),
        ('{"a":NaN}', "NaN and Infinity are no numbers of JSON."),
        ('{"a":[-Infinity]}', "NaN and Infinity are no numbers of JSON."),
        ("[1]", "The row is JSON, but no object."),
        ("null", "The row is JSON, but no object."),
        ("nope", "The row is not JSON."),
        ('{"a":1', "The row is not JSON."),
        ('{"a":1}{"a":2}', "The row is not JSON."),
        ("{'a':1}", "The row is not JSON."),
    ],
)
def test_what_is_wrong_with_a_row_is_said(line: str, detail: str) -> None:
    with pytest.raises(Malformed) as error:
        read_line(line.encode())
    assert (error.value.code, error.value.detail) == ("malformed_json", detail)


def test_a_column_that_has_a_type_takes_its_values_in_quotes_too() -> None:
    cells = cells_of([read_line(f'{{"a":{value}}}'.encode()) for value in ('"7"', "7", '"x"', "true", "[7]", "7.5", "null", '""')])["a"]
    typed, misfit = cells.fit(pa.int64())
    assert typed.to_pylist() == [7, 7, *[None] * 6]
    assert misfit is not None
    assert misfit.tolist() == [False, False, True, True, True, True, False, True]
    assert cells.fit(pa.bool_())[0].to_pylist() == [None, None, None, True, None, None, None, None]


def test_a_line_of_a_rejects_file_is_what_stands_in_its_raw() -> None:
    raw = json.dumps('{"a":1,"_krai_row":5}')
    data = f'{{"_krai_row":1,"_krai_code":"x","_krai_raw":{raw}}}\n{{"_krai_raw":"eyJhIjoyfQ==","_krai_raw_base64":true}}\n'
    read = read_ndjson(data.encode())
    assert (read.names, read.rows, read.rejected) == (["a"], [("1",), ("2",)], [])


@pytest.mark.parametrize(
    ("line", "code", "raw"),
    [
        (b'{"_krai_raw":"\\u00e9","_krai_raw_base64":true}', "malformed_json", None),
        (b'{"_krai_raw":"\\ud800"}', "malformed_json", None),
        (b'{"_krai_raw":"{\\"a\\"\\u0000 1}"}', "malformed_json", b'{"a"\0 1}'),
        (b'{"_krai_raw":"{\\"a\\": \\"\\\\u0000\\"}"}', "control_character", b'{"a": "\\u0000"}'),
        (b'{"_krai_raw":"{\\"_krai_raw\\": \\"[1]\\"}"}', "malformed_json", b'{"_krai_raw": "[1]"}'),
    ],
)
def test_a_line_of_a_rejects_file_is_rejected_again_as_it_came_the_first_time(line: bytes, code: str, raw: bytes | None) -> None:
    read = read_ndjson(b'{"a":1}\n' + line + b"\n")
    assert [(reject.code, reject.raw) for reject in read.rejected] == [(code, line if raw is None else raw)]


def test_names_that_krai_keeps_for_itself_lose_nothing_without_a_word() -> None:
    lines = [
        b'{"a":1}',
        b'{"a":2,"_krai_note":"x"}',
        b'{"a":3,"_krai_raw":"{\\"a\\":4}"}',
        b'{"_krai_row":7,"_krai_raw":"{\\"_krai_x\\":1}"}',
    ]
    read = read_ndjson(b"\n".join(lines))
    assert (read.names, read.rows) == (["a"], [("1",)])
    assert [(reject.row, reject.code) for reject in read.rejected] == [(number, "reserved_column") for number in (2, 3, 4)]
    assert [reject.raw for reject in read.rejected] == [*lines[1:3], b'{"_krai_x":1}']


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_lines_has_no_rows(data: bytes) -> None:
    read = read_ndjson(data)
    assert (read.names, read.total) == ([], 0)


@pytest.mark.parametrize(
    "number",
    [
        *("0.12345678901234567", "123456789012345678", "9007199254740993", "1e-400", "1e-300", "1E-400", "1e17", "NaN", "1e400"),
        *("9201153527622944e-3", "9201153527622944E-3"),
    ],
)
def test_a_number_that_a_double_might_not_keep_is_looked_at_closely(number: str) -> None:
    assert parse_fast(Lines.find(b'{"a":1.5}\n'), {"a": pa.float64()}, exact={"a", "b"}) is not None
    assert parse_fast(Lines.find(f'{{"a":1.5}}\n{{"a":{number}}}\n'.encode()), {"a": pa.float64()}, exact={"a", "b"}) is None


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(2**64, 10**39),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "2020-01-31", "2020-01-31T12:00:00", "2020-01-31T12:00:00Z", "1", "é😀", 'a"b\\', "\u0001"]),
    st.just({"b": [1]}),
)
# Columns of one kind, which the fast way can take, and of mixed kinds, which it cannot.
COLUMN = st.sampled_from(
    [st.integers(-9, 9), st.integers(2**62, 2**70), st.floats(-1e6, 1e6), st.booleans(), st.sampled_from(["x", "2020-01-31", ""]), VALUES]
)
ROWS = st.tuples(COLUMN, COLUMN).flatmap(
    lambda pair: st.lists(
        st.fixed_dictionaries({}, optional={"a": st.one_of(st.none(), pair[0]), "b": st.one_of(st.none(), pair[1])}),
        min_size=1,
        max_size=10,
    )
)


@settings(max_examples=200)
@given(ROWS, st.sampled_from([1, 7, 50, 1 << 20]))
def test_lines_are_read_the_same_in_any_blocks(rows: list[dict[str, object]], block_bytes: int) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    whole, cut = read_ndjson(data), read_ndjson(data, block_bytes=block_bytes)
    assert cut == whole
    assert cut.total == len(rows)


TYPES = st.sampled_from([pa.int64(), pa.decimal128(22, 0), pa.float64(), pa.bool_(), pa.string(), pa.null()])


@settings(max_examples=300)
@given(ROWS, TYPES, TYPES)
def test_what_is_parsed_fast_is_what_the_lines_say(rows: list[dict[str, object]], a: pa.DataType, b: pa.DataType) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    table = parse_fast(Lines.find(data), {"a": a, "b": b}, exact={"a", "b"})
    if table is None:
        return
    exact = slowly(data)
    for name in ("a", "b"):
        if name not in exact:
            assert table[name].null_count == len(rows)
            continue
        fast = PlainJsonCells(name, table[name].combine_chunks(), partial(dict, exact))
        for expected in (None, "null", "int64", "decimal(21,0)", "float64", "string", "date"):
            (shown, typed), (true_shown, true_typed) = fast.observe(expected), exact[name].observe(expected)
            assert typed.equals(true_typed) or shown != true_shown == "null"


def slowly(data: bytes) -> dict[str, JsonCells]:
    lines = Lines.find(data)
    return cells_of([read_line(lines.raw(number)) for number in range(len(lines))])
