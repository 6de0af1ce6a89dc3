"""Lines that are all alike are read column by column, and what is read so is what each line says; what is not alike is left to others."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from krai.formats.json_alike import parse_alike
from krai.formats.json_cells import Kind
from krai.formats.json_lines import cells_of, read_line
from krai.formats.lines import Lines
from krai.formats.ndjson import NdjsonReader
from krai.formats.typed import Target, type_block
from tests.unit.formats.reading_files import read_ndjson

KINDS = {
    pa.string(): {Kind.STRING},
    pa.bool_(): {Kind.BOOLEAN},
    pa.int64(): {Kind.INTEGER},
    pa.decimal128(30, 0): {Kind.INTEGER, Kind.NUMBER},  # who looks for types asks the lines again
    pa.decimal128(9, 3): {Kind.INTEGER, Kind.NUMBER},
    pa.float64(): {Kind.INTEGER, Kind.NUMBER},
    pa.null(): set(),
}
NAMES = ["a", "b", "", "key", "a longer key", "é😀", "a:", "{", ",", "null"]
TEXT = st.text(st.one_of(st.sampled_from('"\\,:{}[] /x0n\x7fé😀\u2028'), st.characters(exclude_categories=["Cs"])), max_size=6)
SPELLED = {
    pa.string(): TEXT.flatmap(lambda text: st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])),
    pa.bool_(): st.sampled_from(["true", "false"]),
    pa.int64(): st.integers(-(2**63), 2**63 - 1).map(str),
    pa.decimal128(30, 0): st.integers(-(10**30), 10**30).map(str),
    pa.decimal128(9, 3): st.decimals(-99999, 99999, places=3).map("{:f}".format),
    pa.float64(): st.one_of(st.floats(-1e6, 1e6).map(repr), st.integers(-(2**60), 2**60).map(str), st.sampled_from(["0", "-0.0", "1.50"])),
    pa.null(): st.just("null"),
}
# What only looks like a value of the column's kind, and what is one in another spelling.
ODD_VALUES = [
    *(
        "null",
        "nul",
        "Null",
        "nulll",
        "true",
        "True",
        "tru",
        "truee",
        "falsy",
        "false",
        '"',
        '""',
        '"\\u0041"',
        '"\\ud800"',
        '"\\u0000"',
    ),
    *(
        '"\\\\"',
        '"\\"',
        '"\\x"',
        '"a\\',
        '"\t"',
        '"\0"',
        '"x" ',
        ' "x"',
        '"x""y"',
        '"x"y',
        "[1]",
        "{}",
        '{"a":1}',
        "[[[[1]]]]",
        "",
        " ",
        " 1",
        "1 ",
    ),
    *(
        "01",
        "-01",
        "+1",
        "-",
        "--1",
        "1-1",
        ".5",
        "5.",
        "-.5",
        "1.2.3",
        "1..2",
        "1e5",
        "1E-5",
        "1e",
        "0x1F",
        "inf",
        "NaN",
        "1_0",
        "٣",
        "1,2",
        "1/2",
        "/1",
        "1/",
    ),
    *(
        "-0",
        "9" * 19,
        "9" * 40,
        "0.12345678901234567890123",
        "9007199254740993",
        "9007199254740994",
        "1" + "0" * 400,
        "1e400",
        "1.0",
        "7",
        '"7"',
        "0.0000001",
    ),
]
ODD = st.sampled_from(ODD_VALUES)
STRAYS = [bytes([octet]) for octet in b'"\\,:}0. n\t\x00\xff'] + [b"", b"\xed\xa0\x80", b'","a":"', b'{"a":1}']


MANY = 20  # of so many lines only every second one is looked at before all are read


def check(data: bytes, schema: dict[str, pa.DataType]) -> bool:
    """Whether the lines were read at once; then each says just that, and is one that may be imported."""
    lines = Lines.find(data)
    table = parse_alike(lines, schema, exact=schema)
    if table is None:
        return False
    table.validate(full=True)
    assert table.schema == pa.schema(list(schema.items()))
    cells = cells_of([read_line(lines.raw(line)) for line in range(len(lines))])
    assert set(cells) <= set(schema)
    for name, kind in schema.items():
        column = table[name].combine_chunks()
        if name not in cells:
            assert column.null_count == len(lines)
            continue
        assert {Kind(found) for found in np.unique(cells[name].kinds)} <= KINDS[kind] | {Kind.NULL}
        assert column.equals(pa.nulls(len(lines)) if kind == pa.null() else cells[name].text.cast(kind))
        if kind == pa.float64():
            assert cells[name].observe("float64")[0] in {"float64", "null"}
    return True


def among_others(line: bytes, others: list[bytes], place: int) -> bytes:
    lines = [others[number % len(others)] for number in range(MANY)]
    lines[place] = line
    return b"\n".join(lines) + b"\n"


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, pa.DataType]]:
    """Lines of one shape, and one that may be of another."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    schema = {name: draw(st.sampled_from(list(KINDS))) for name in names}
    comma, colon = draw(st.sampled_from([",", ", ", ",\t"])), draw(st.sampled_from([":", ": ", " : "]))
    opening, end = draw(st.sampled_from([("{", "}"), ("{ ", " }"), ("{", "}\r")]))
    nulls = draw(st.booleans())

    def spelled(members: list[tuple[str, str]]) -> bytes:
        return (opening + comma.join(f"{json.dumps(key, ensure_ascii=False)}{colon}{value}" for key, value in members) + end).encode()

    lines = [
        {name: draw(SPELLED[kind] if not nulls or draw(st.integers(0, 3)) else st.just("null")) for name, kind in schema.items()}
        for _ in range(draw(st.integers(2, 5)))
    ]
    *others, odd = lines
    name = draw(st.sampled_from(names))
    match draw(st.sampled_from(["value", "key", "order", "missing", "twice", "nothing"])):
        case "value":
            odd[name] = draw(ODD)
        case "key":
            odd[draw(st.sampled_from(NAMES))] = odd.pop(name)
        case "order":
            odd[name] = odd.pop(name)
        case "missing":
            del odd[name]
    members = list(odd.items())
    if draw(st.integers(0, 9)) == 0:
        members.append(draw(st.sampled_from([*members, ("_krai_row", "1")])))
    data = among_others(spelled(members), [spelled(list(line.items())) for line in others], draw(st.sampled_from([1, 7, MANY - 1])))
    return data, schema | ({"never": pa.int64()} if draw(st.booleans()) else {})


@settings(max_examples=300)
@given(files())
def test_what_is_read_at_once_is_what_each_line_says(file: tuple[bytes, dict[str, pa.DataType]]) -> None:
    check(*file)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_only_looks_like_a_value_is_none(kind: pa.DataType) -> None:
    good = {pa.string(): '"x"', pa.bool_(): "true", pa.null(): "null"}.get(kind, "1")
    for odd in ODD_VALUES:
        for template in ('{"a":%s}', '{"a":%s,"b":"x"}', '{"b":null,"a":%s}'):
            for others in ([good], [good, "null"]):
                data = among_others((template % odd).encode(), [(template % other).encode() for other in others], 7)
                check(data, {"a": kind, "b": pa.string()})


@pytest.mark.parametrize("line", [b'{"a":1,"b":"xy"}', b'{"b":"\\"","a":10}', b'{"b":"","a":-0}', b'{"b":null,"a":1.5}'])
def test_a_stray_octet_anywhere_is_seen(line: bytes) -> None:
    schema = {"a": pa.float64() if b"." in line else pa.int64(), "b": pa.string()}
    assert check(among_others(line, [line], 7), schema)
    for place in range(len(line) + 1):
        for stray in STRAYS:
            for rest in (line[place:], line[place + 1 :], line[place + 2 :]):
                check(among_others(line[:place] + stray + rest, [line], 7), schema)


def test_a_quote_too_few_is_not_made_up_for_by_one_too_many() -> None:
    lines = [b'{"a":"x","b":"y"}'] * MANY
    lines[2], lines[5] = b'{"a":"x\\","b":"y"}', b'{"a":"x"z","b":"y"}'
    assert sum(line.replace(b'\\"', b"").count(b'"') for line in lines) == 8 * MANY
    assert not check(b"\n".join(lines), {"a": pa.string(), "b": pa.string()})


@pytest.mark.parametrize("comma", [",", ", "])
@pytest.mark.parametrize("value", ['"x%s"', '"%s"', '"%s%s"', '"{%s"'])
def test_a_text_may_end_like_what_stands_before_a_key(comma: str, value: str) -> None:
    text = value.replace("%s", comma)
    for odd in ('{"a":%s,"b":1}', '{"a":"x","b":%s}', '{"b":%s,"a":%s}'):
        line = odd.replace("%s", text).replace(',"', comma + '"').encode()
        other = odd.replace("%s", '"y"').replace(',"', comma + '"').encode()
        schema = {"a": pa.string(), "b": pa.int64() if b":1}" in line else pa.string()}
        assert check(among_others(line, [other], 7), schema)


WRITTEN = {
    pa.string(): st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
    pa.bool_(): st.booleans(),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(-1e6, 1e6).filter(lambda number: "e" not in repr(number)),
    pa.null(): st.none(),
}
# After a key that is a comma, a value that is one looks like the key again: such lines are read one by one.
TABLES = st.dictionaries(st.sampled_from([name for name in NAMES if name != ","]), st.sampled_from(list(WRITTEN)), min_size=1).flatmap(
    lambda schema: st.tuples(
        st.just(schema),
        st.lists(st.fixed_dictionaries({name: st.none() | WRITTEN[kind] for name, kind in schema.items()}), min_size=1, max_size=6),
    )
)


ENCODERS = [json.JSONEncoder(ensure_ascii=False), json.JSONEncoder(), json.JSONEncoder(separators=(",", ":"))]


@given(TABLES, st.sampled_from(ENCODERS))
def test_what_a_program_writes_is_read_at_once(
    table: tuple[dict[str, pa.DataType], list[dict[str, Any]]], encoder: json.JSONEncoder
) -> None:
    schema, rows = table
    text = "".join(encoder.encode({name: row[name] for name in schema}) + "\n" for row in rows)
    read = parse_alike(Lines.find(text.encode()), schema, exact=schema)
    assert read is not None
    assert read.to_pylist() == rows


@pytest.mark.parametrize(
    ("last", "column", "kind"),
    [
        ('{"a":1,"b":"y"}', "b", pa.string()),
        ('{"a":1,"b":null}', "b", pa.string()),
        ('{"a":null,"b":"y"}', "a", pa.int64()),
        ('{"a":1,"b":"\\"\\u00e9\\\\"}', "b", pa.string()),
    ],
)
def test_nulls_and_escapes_do_not_stop_it(last: str, column: str, kind: pa.DataType) -> None:
    text = '{"a":1,"b":"x"}\n' * 3 + last + "\n"
    schema = {"a": pa.int64(), "b": pa.string()}
    table = parse_alike(Lines.find(text.encode()), schema, exact=schema)
    assert table is not None
    assert table[column].combine_chunks().equals(pa.array([json.loads(line)[column] for line in text.splitlines()], kind))


@pytest.mark.parametrize("places", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "stranger", ['{"b":"x","a":1}', '{"a":1}', '{"a":1,"b":"x","a":1}', '{"a":1, "b":"x"}', '{"a":1,"c":"x"}', '{"a":1,"b":[]}']
)
def test_one_line_that_is_not_like_the_others_is_enough(stranger: str, places: int) -> None:
    lines = ['{"a":1,"b":"x"}'] * 100
    lines[places * 33] = stranger
    schema = {"a": pa.int64(), "b": pa.string()}
    assert parse_alike(Lines.find("\n".join(lines).encode()), schema, exact=schema) is None


@pytest.mark.parametrize("number", ["0.12345678901234567", "123456789012345678", "9007199254740993", "1e-7", "1e400", "1" + "0" * 400])
def test_only_where_it_is_asked_must_a_double_keep_all_digits(number: str) -> None:
    data = f'{{"a":1.5}}\n{{"a":{number}}}\n'.encode()
    assert parse_alike(Lines.find(data), {"a": pa.float64()}, exact={"a"}) is None
    read = parse_alike(Lines.find(data), {"a": pa.float64()}, exact=())
    assert read is None or read["a"].to_pylist() == [1.5, float(number)]
    assert (read is None) == ("e" in number or len(number) > 400)


@pytest.mark.parametrize("exact", [{"a"}, ()], ids=["exact", "rounded"])
def test_a_few_exponents_do_not_stop_it(exact: set[str]) -> None:
    for number in ("1e5", "-1.5E-7", "0e0", "5e-324", "1e+2", "9.3e-05"):
        data = f'{{"a":{number}}}\n'.encode() + b'{"a":0.5}\n' * 3
        read = parse_alike(Lines.find(data), {"a": pa.float64()}, exact=exact)
        assert read is not None
        assert read["a"].to_pylist() == [float(number), 0.5, 0.5, 0.5]
    for number in ("1e400", "-1e400", "1e", "e5", "01e5", "1.e5", ".5e5", "1e5.0", "+1e5", "0x1", "1e5e5", "NaN"):
        data = f'{{"a":{number}}}\n'.encode() + b'{"a":0.5}\n' * 3
        assert parse_alike(Lines.find(data), {"a": pa.float64()}, exact=exact) is None
    for number in ("1e-400", "9201153527622944e-3", "1.2345678901234567890e-2"):
        data = f'{{"a":{number}}}\n'.encode() + b'{"a":0.5}\n' * 3
        assert (parse_alike(Lines.find(data), {"a": pa.float64()}, exact=exact) is None) == bool(exact)


def test_a_file_is_read_the_same_whichever_way_its_blocks_take() -> None:
    """Blocks of many lines go one way, and those of few, and those with a stranger among them, another."""
    rows = [{"id": row, "text": None if row % 7 == 0 else f'no. {row} "é"', "ok": row % 3 == 0, "n": row / 8} for row in range(600)]
    lines = [json.dumps(row) for row in rows]
    whole = read_ndjson("\n".join(lines).encode())
    assert whole == read_ndjson("\n".join(lines).encode(), block_bytes=200)
    assert whole.types == {"id": "int64", "text": "string", "ok": "boolean", "n": "float64"}
    lines[300] = '{"n":1.5}'
    mixed = read_ndjson("\n".join(lines).encode())
    assert mixed.rows == [*whole.rows[:300], (None, None, None, "1.5"), *whole.rows[301:]]


@pytest.mark.parametrize("many", [1, 100])
def test_a_type_for_one_column_takes_no_digits_from_another(many: int) -> None:
    data = b'{"a":"x","b":1.5}\n' * many + b'{"a":"x","b":0.12345678901234567890123}\n'
    bound = {"a": pa.string()}
    reader = NdjsonReader(lambda: io.BytesIO(data), max_row_bytes=1 << 20, max_columns=100)
    reader.learn({"b": "float64"}, bound)
    (block,) = reader.blocks()
    (parsed,) = reader.parse(block)
    typed = type_block(parsed, Target(bound=bound, closed=False), {"b": "float64"})
    assert typed.columns["b"].to_pylist()[-1] == "0.12345678901234567890123"
