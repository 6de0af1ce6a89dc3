"""Files of every format as they should be, and then polluted: for each it is known which of its rows nobody has touched, and, where the
pollution cannot reach beyond its row, how many rows there are."""

import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from krai.formats.zstd import Zstd
from tests.unit.formats.xlsx_files import row as sheet_row, xlsx

SCHEMA = {"id": "string", "n": "int64", "f": "float64", "t": "string", "d": "date"}
ROW_BYTES = 20_000
HUGE = "x" * (ROW_BYTES + 5_000)
WORDS = ["", "plain", "a,b;c|d", 'say "no"', "two\nlines", "tab\there", "'quoted'", " é ü ", "NULL", "007", "{x}", "[1]", "back\\slash"]
NUMBERS = ["9" * 40, "1e999", "abc", "1.5", "--1", "NaN", "0x10", ""]

Row = dict[str, Any]


@dataclass
class Polluted:
    """`clean` are the rows that must come in as they are; `rows` is how many there are, None where one may have become several."""

    data: bytes
    params: dict[str, Any]
    clean: list[Row]
    rows: int | None
    is_sheet: bool = False


def make(seed: int) -> Polluted:
    chance = random.Random(seed)  # noqa: S311 (the same every time)
    table = [_row(chance, number) for number in range(chance.choice([3, 20, 60]))]
    maker = (_delimited, _delimited, _ndjson, _json, _xlsx, _parquet)[seed % 6]
    made = maker(chance, table)
    if chance.random() < 0.5:
        made.params["schema"] = SCHEMA
    if made.params.get("format", "auto") not in {"parquet", "xlsx"} and chance.random() < 0.5:
        pack, name = chance.choice([(gzip.compress, "gzip"), (Zstd.pack, "zstd")])
        made.data = pack(made.data)
        made.params["compression"] = chance.choice(["auto", name])
    if chance.random() < 0.15:
        made.data, made.rows, made.clean = _damaged(chance, made.data), None, []
    return made


def _row(chance: random.Random, number: int) -> Row:
    return {
        "id": f"row-{number}-{number * 7919 % 10007}-",  # which no flip makes another row's
        "n": chance.choice([None, 0, -1, 7, 2**53, -(2**62)]),
        "f": chance.choice([None, 0.5, -1.25, 1e-7, 123456.789]),
        "t": chance.choice(WORDS) or None,
        "d": chance.choice([None, date(2000, 2, 29) + timedelta(number)]),
    }


def _damaged(chance: random.Random, data: bytes) -> bytes:
    """A file that was cut off, or of which some octets are others."""
    if chance.random() < 0.4:
        return data[: chance.randrange(len(data))]
    octets = bytearray(data)
    for _ in range(chance.choice([1, 3, 30])):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def _spelled(value: Any) -> str:
    return "" if value is None else str(value)


# -- text ---------------------------------------------------------------------------------------------------------------------------

Line = Callable[[bytes], bytes]


def _flipped(chance: random.Random, line: bytes, spared: bytes) -> bytes:
    octets = bytearray(line)
    for _ in range(chance.choice([1, 2, 5])):
        new = chance.randrange(256)
        place = chance.randrange(len(octets))
        if new not in spared and octets[place] not in spared:
            octets[place] = new
    return bytes(octets)


def _inserted(chance: random.Random, line: bytes, piece: bytes) -> bytes:
    place = chance.randrange(len(line) + 1)
    return line[:place] + piece + line[place:]


def _polluted_lines(
    chance: random.Random, table: list[Row], lines: list[bytes], within: list[Line], beyond: list[Line]
) -> tuple[list[bytes], list[Row], bool]:
    """Some lines polluted; the rows of the others, and whether one may reach beyond its line."""
    clean, spreads = [], False
    for number, (row, line) in enumerate(zip(table, lines, strict=True)):
        kind = chance.random()
        if kind < 0.2:
            lines[number] = chance.choice(within)(line)
        elif kind < 0.22:
            lines[number], spreads = chance.choice(beyond)(line), True
        else:
            clean.append(row)
    return lines, clean, spreads


def _delimited(chance: random.Random, table: list[Row]) -> Polluted:
    delimiter = chance.choice([",", ";", "\t", "|"])
    quote = chance.choice(['"', '"', "'"])
    encoding = chance.choice(["utf-8", "utf-8", "utf-8", "cp1252", "utf-16-le", "utf-16"])
    end = chance.choice(["\n", "\r\n", "\r"])
    narrow = encoding not in {"utf-16-le", "utf-16"}
    inner = "utf-16-le" if not narrow else encoding

    def cell(text: str) -> str:
        quoted = any(mark in text for mark in (delimiter, quote, "\n", "\r")) or chance.random() < 0.1
        return quote + text.replace(quote, quote * 2) + quote if quoted and text else text

    def put(text: str) -> Line:
        return lambda line: _inserted(chance, line, text.encode(inner)) if narrow else line + text.encode(inner)

    def cells(change: Callable[[list[str]], list[str]]) -> Line:
        return lambda _: delimiter.join(change(["x", "1", "", "y", "2000-01-01"])).encode(inner)

    within = [
        cells(lambda row: row[:-1]),
        cells(lambda row: [*row, "more"]),
        cells(lambda row: [row[0], chance.choice(NUMBERS), *row[2:]]),
        cells(lambda row: [*row[:4], chance.choice(["2000-02-30", "today", "1"])]),
        cells(lambda row: [HUGE, *row[1:]]),
        cells(lambda row: [quote + HUGE + quote, *row[1:]]),
        cells(lambda row: ["x\0", *row[1:]]),
        cells(lambda row: ["x" + quote, *row[1:]]),
        cells(lambda row: [quote + "a" + quote + "b", *row[1:]]),
        lambda _: b"",
        lambda line: line + {"utf-8": b"\xc0\xaf", "cp1252": b"\x81"}.get(encoding, b"\x00\xdc"),
    ]
    if narrow:
        spared = f"{quote}{delimiter}\r\n".encode()
        within += [lambda line: _flipped(chance, line, spared)] * 3
    beyond = [put(quote), put(end), put(delimiter + quote), lambda line: line[: max(1, len(line) // 2)] if narrow else line[:-2]]
    lines = [delimiter.join(cell(_spelled(value)) for value in row.values()).encode(inner) for row in table]
    lines, clean, spreads = _polluted_lines(chance, table, lines, within, beyond)
    marked = "" if encoding != "utf-16" else "\ufeff"
    data = (marked + delimiter.join(SCHEMA) + end).encode(inner) + b"".join(line + end.encode(inner) for line in lines)
    asked: dict[str, Any] = {"quote": quote, "encoding": encoding}
    if quote != '"' or encoding != "utf-8" or chance.random() < 0.5:
        asked["delimiter"] = delimiter
    params: dict[str, Any] = {"csv": asked}
    if delimiter == "\t":
        params["format"] = "tsv"
    return Polluted(data, params, clean, None if spreads else sum(bool(line) for line in lines))


def _as_json(row: Row) -> str:
    return json.dumps({name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}, ensure_ascii=False)


_BAD_OBJECTS = [
    b'{"id":"x","id":"y"}',
    b'{"id":"x","n":NaN}',
    b'{"id":"x","n":01}',
    b'{"id":"x","n":' + b"9" * 40 + b"}",
    b'{"id":"x","n":"abc"}',
    b'{"id":"x","f":1e999}',
    b'{"id":"x","d":"2000-02-30"}',
    b'{"id":"x","d":[1,{"a":[]}]}',
    b'{"id":"x\\ud800"}',
    b'{"id":"x\\u0000"}',
    b'{"id":"\xff"}',
    b'{"id":"\xc0\xaf"}',
    b'{"id":"x"',
    b'{"id":"' + HUGE.encode() + b'"}',
    b'{"id":' + b"[" * 150 + b"]" * 150 + b"}",
    b"[1]",
    b"null",
    b"{}",
]


def _ndjson(chance: random.Random, table: list[Row]) -> Polluted:
    end = chance.choice([b"\n", b"\r\n"])
    within: list[Line] = [
        lambda _: chance.choice(_BAD_OBJECTS),
        lambda line: _flipped(chance, line, b"\r\n"),
        lambda line: line[: len(line) // 2],
    ]
    beyond: list[Line] = [lambda line: _inserted(chance, line, b"\n"), lambda line: _inserted(chance, line, b"\r")]
    lines = [_as_json(row).encode() for row in table]
    lines, clean, spreads = _polluted_lines(chance, table, lines, within, beyond)
    return Polluted(b"".join(line + end for line in lines), {"format": "ndjson"}, clean, None if spreads else len(lines))


def _json(chance: random.Random, table: list[Row]) -> Polluted:
    def whole(_: bytes) -> bytes:
        bad = chance.choice(_BAD_OBJECTS)
        return b"nope" if bad.count(b"{") != bad.count(b"}") else bad

    within: list[Line] = [whole, lambda line: _flipped(chance, line, b'"\\[]{},')]
    beyond: list[Line] = [lambda line: _inserted(chance, line, chance.choice([b'"', b"]", b"[", b",", b"{"]))]
    lines = [_as_json(row).encode() for row in table]
    lines, clean, spreads = _polluted_lines(chance, table, lines, within, beyond)
    joint = chance.choice([b",", b",\n", b" ,\r\n\t"])
    return Polluted(b"[" + joint.join(lines) + b"]", {}, clean, None if spreads else len(lines))


# -- what has types -----------------------------------------------------------------------------------------------------------------


def _sheet_cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, int | float) and abs(value) <= 2**53:
        return f"<c><v>{value!r}</v></c>"
    text = str(value).replace("&", "&amp;").replace("<", "&lt;")
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


_BAD_CELLS = [
    '<c t="e"><v>#N/A</v></c>',
    "<c><v>1e999</v></c>",
    "<c><v>abc</v></c>",
    '<c t="s"><v>999</v></c>',
    '<c t="b"><v>maybe</v></c>',
    '<c t="odd"><v>1</v></c>',
    '<c s="1"><v>-5</v></c>',
    '<c t="str"><v>_x0000_</v></c>',
    '<c t="str"><v>_xD800_</v></c>',
    '<c r="1"><v>1</v></c>',
    f'<c t="str"><v>{HUGE}</v></c>',
    '<c r="J9"><v>1</v></c>',
]


def _xlsx(chance: random.Random, table: list[Row]) -> Polluted:
    rows, clean = [sheet_row(*map(_sheet_cell, SCHEMA))], []
    for record in table:
        cells = [_sheet_cell(value) for value in record.values()]
        if chance.random() < 0.2:
            cells.insert(chance.randrange(1, len(cells)), chance.choice(_BAD_CELLS))
        else:
            clean.append(record)
        rows.append(sheet_row(*cells))
    return Polluted(xlsx("".join(rows)), {"format": chance.choice(["auto", "xlsx"])}, clean, len(table), is_sheet=True)


def _parquet(chance: random.Random, table: list[Row]) -> Polluted:
    columns = {name: [row[name] for row in table] for name in SCHEMA}
    days = [None if day is None else (day - date(1970, 1, 1)).days for day in columns["d"]]
    texts = [None if text is None else text.encode() for text in columns["t"]]
    clean = []
    for number, row in enumerate(table):
        kind = chance.random()
        if kind < 0.1:
            days[number] = chance.choice([2_932_897, -719_163, 2**31 - 1])
        elif kind < 0.2:
            texts[number] = chance.choice([b"\xff", b"\xc0\xaf", b'"\xe9\n'])
        else:
            clean.append(row)
    made = pa.table(
        {
            "id": pa.array(columns["id"], pa.string()),
            "n": pa.array(columns["n"], pa.int64()),
            "f": pa.array(columns["f"], pa.float64()),
            "t": pa.array(texts, pa.binary()).view(pa.string()),
            "d": pa.array(days, pa.int32()).view(pa.date32()),
        }
    )
    file = io.BytesIO()
    pq.write_table(made, file, row_group_size=chance.choice([5, 100]), use_dictionary=chance.random() < 0.5, write_page_checksum=True)
    return Polluted(file.getvalue(), {"format": chance.choice(["auto", "parquet"])}, clean, len(table))
