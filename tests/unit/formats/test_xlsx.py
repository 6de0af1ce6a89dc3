"""What a sheet says, and what of it cannot be imported."""

import datetime as dt
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings, strategies as st

from krai.errors import Terminal
from krai.formats.types import arrow_type
from krai.formats.xlsx_file import XlsxReader
from krai.formats.xlsx_workbook import Form, form_of
from tests.unit.formats import xlsx_files
from tests.unit.formats.reading_files import FileRead, Rejected, read_all
from tests.unit.formats.xlsx_files import ONE_SHEET, packed, relations, row, strings, text, workbook, xlsx

BLOCKS = [1, 100, 1 << 20]
HEADER = row(text("a"), text("b"))


def reader(data: bytes, *, sheet: str | int | None = None, **limits: int) -> XlsxReader:
    bounds = {"max_bytes": 1 << 30, "max_row_bytes": 1000, "max_columns": 100, "max_name_bytes": 255} | limits
    with tempfile.TemporaryDirectory() as spool:
        return XlsxReader(lambda: io.BytesIO(data), sheet=sheet, spool=Path(spool), **bounds)


def read(data: bytes, **options: Any) -> FileRead:
    return read_all(reader(data, **options))


def refused(data: bytes, **options: Any) -> str:
    with pytest.raises(Terminal) as error:
        read(data, **options)
    return error.value.code


def cell(content: str, **attributes: str) -> str:
    listed = "".join(f' {name}="{given}"' for name, given in attributes.items())
    return f"<c{listed}>{content}</c>"


def value(content: str, **attributes: str) -> Any:
    """What the one cell of a column is read as."""
    found = read(xlsx(HEADER + row(cell(content, **attributes), text("x"))), max_row_bytes=10_000)
    assert found.rejected == []
    return found.rows[0][0], found.types["a"]


@pytest.mark.parametrize(
    ("content", "attributes", "expected"),
    [
        ("<v>1</v>", {}, ("1", "int64")),
        ("<v> -12 </v>", {"t": "n"}, ("-12", "int64")),
        ("<v>1.0</v>", {}, ("1", "int64")),
        ("<v>-0</v>", {}, ("0", "int64")),
        (f"<v>-{'0' * 5000}12</v>", {}, ("-12", "int64")),
        ("<v>1E3</v>", {}, ("1000", "int64")),
        ("<v>9007199254740993</v>", {}, ("9007199254740993", "int64")),
        ("<v>12345678901234567890</v>", {}, ("12345678901234567890", "decimal(20,0)")),
        ("<v>0.10000000000000001</v>", {}, ("0.1", "float64")),
        ("<v>1E+20</v>", {}, ("1e+20", "float64")),
        ("<v>.5</v>", {}, ("0.5", "float64")),
        ("<v>1</v>", {"t": "b"}, ("true", "boolean")),
        ("<v>007</v>", {"t": "str"}, ("007", "string")),
        ("<v></v>", {"t": "str"}, ("", "string")),
        ("<f>A2&amp;B2</f><v>x</v>", {"t": "str"}, ("x", "string")),
        ("<is><t>a &lt; b</t></is>", {"t": "inlineStr"}, ("a < b", "string")),
        ("<is><t/></is>", {"t": "inlineStr"}, ("", "string")),
        (
            '<is><r><t xml:space="preserve">a </t></r><r><rPr><b/></rPr><t> b </t></r><rPh><t>no</t></rPh></is>',
            {"t": "inlineStr"},
            ("a b", "string"),
        ),
        ("<is><t> \n x \t</t></is>", {"t": "inlineStr"}, ("x", "string")),
        ("<v>a_x000D_b_x005F_x0041__xD83D__xDE00_</v>", {"t": "str"}, ("a\rb_x0041_😀", "string")),
        ("<v>2020-01-31</v>", {"t": "d"}, ("2020-01-31", "date")),
        ("<v>2020-01-31T12:30:00</v>", {"t": "d"}, ("2020-01-31T12:30:00", "timestamp")),
        ("<v>43861</v>", {"s": "1"}, ("2020-01-31", "date")),
        ("<v>43861.5</v>", {"s": "1"}, ("2020-01-31T12:00:00", "timestamp")),
        ("<v>43861</v>", {"s": "3"}, ("2020-01-31T00:00:00", "timestamp")),
        ("<v>43861.52084635417</v>", {"s": "3"}, ("2020-01-31T12:30:01.125", "timestamp")),
        ("<v>0.75</v>", {"s": "2"}, ("18:00:00", "string")),
        ("<v>1.25</v>", {"s": "4"}, ("1.25", "float64")),
        ("<v>59</v>", {"s": "1"}, ("1900-02-28", "date")),
        ("<v>61</v>", {"s": "1"}, ("1900-03-01", "date")),
        ("<v>1</v>", {"s": "1"}, ("1900-01-01", "date")),
        ("<v>2958465</v>", {"s": "1"}, ("9999-12-31", "date")),
        ("<v>1</v>", {"s": "99"}, ("1", "int64")),
        ("", {}, (None, "string")),
        ("<v></v>", {}, (None, "string")),
        ("<f>1+1</f>", {}, (None, "string")),
    ],
)
def test_a_cell_is_read_as_a_spreadsheet_shows_it(content: str, attributes: dict[str, str], expected: tuple[str | None, str]) -> None:
    assert value(content, **attributes) == expected


@pytest.mark.parametrize(
    ("content", "attributes", "code"),
    [
        ("<v>#N/A</v>", {"t": "e"}, "bad_cell"),
        ("<v>999</v>", {"t": "s"}, "bad_cell"),
        ("<v>-1</v>", {"t": "s"}, "bad_cell"),
        ("<v>\u0661</v>", {"t": "s"}, "bad_cell"),
        (f"<v>{'9' * 5000}</v>", {"t": "s"}, "row_too_large"),
        (f"<v>{'9' * 500}</v>", {"t": "s"}, "bad_cell"),
        ("<v>1</v>", {"t": "novel"}, "bad_cell"),
        ("<v>2</v>", {"t": "b"}, "bad_cell"),
        ("<v>x</v>", {}, "bad_cell"),
        ("<v>0x10</v>", {}, "bad_cell"),
        ("<v>1_0</v>", {}, "bad_cell"),
        ("<v>1e999</v>", {}, "non_finite_number"),
        ("<v>-1e999</v>", {"s": "1"}, "non_finite_number"),
        ("<v>NaN</v>", {}, "non_finite_number"),
        ("<v>60</v>", {"s": "1"}, "bad_cell"),
        ("<v>0</v>", {"s": "1"}, "bad_cell"),
        ("<v>-5</v>", {"s": "1"}, "bad_cell"),
        ("<v>2958466</v>", {"s": "1"}, "bad_cell"),
        ("<v>1e300</v>", {"s": "1"}, "bad_cell"),
        *((f"<v>{number}</v>", {"s": style}, "bad_cell") for number in ("1e305", "-1e305") for style in "123"),
        ("<v>_x0000_</v>", {"t": "str"}, "control_character"),
        ("<v>_xD800_</v>", {"t": "str"}, "bad_cell"),
        ("<v>1</v>", {"r": "2A"}, "bad_cell"),
        ("<v>1</v>", {"r": "a2"}, "bad_cell"),
        (f"<v>{'x' * 1001}</v>", {"t": "str"}, "row_too_large"),
        (f"<is><t>{'x' * 2000}</t></is>", {"t": "inlineStr"}, "row_too_large"),
    ],
)
@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_bad_cell_keeps_its_row_out_and_no_other(content: str, attributes: dict[str, str], code: str, block_bytes: int) -> None:
    rows = HEADER + row(text("x"), text("y")) + row() + row(cell(content, **attributes), text("kept")) + row(text("z"))
    found = read(xlsx(rows), block_bytes=block_bytes)
    assert (found.rows, found.total) == ([("x", "y"), ("z", None)], 3)
    ((number, shown, raw),) = found.rejected
    assert (number, shown) == (2, code)
    assert code == "row_too_large" or json.loads(raw)["b"] == "kept"


def test_a_rejected_row_names_its_column_and_is_an_object_to_be_mended() -> None:
    rows = HEADER + row("<c><v>1.50</v></c>", cell("<v>#REF!</v>", t="e"), cell("<v>1</v>", t="b"))
    source = reader(xlsx(rows))
    (reject,) = [reject for block in source.blocks() for parsed in source.parse(block) for reject in parsed.rejects]
    assert (reject.column, reject.code) == ("b", "bad_cell")
    assert reject.raw == b'{"a":1.5,"b":"#REF!","C":true}'


def test_rows_without_values_are_none_and_a_cell_beneath_no_name_is_one_too_many() -> None:
    rows = row() + row("<c><v></v></c>") + HEADER + row("<c><v>1</v></c>") + row(cell("", s="1")) + row(text("x"), text("y"), text("z"))
    found = read(xlsx(rows + row(text("x"), text("y"), cell("", s="1"))))
    assert found.rows == [("1", None), ("x", "y")]
    assert found.rejected == [Rejected(2, "column_count", b'{"a":"x","b":"y","C":"z"}')]


def test_cells_stand_where_they_say_and_else_after_one_another() -> None:
    rows = HEADER + row("<c><v>1</v></c>", "<c><v>2</v></c>") + '<row r="9"><c r="B9"><v>4</v></c><c r="A9"><v>3</v></c></row>'
    found = read(xlsx(rows + '<row><c r="B10"><v>5</v></c></row><row><c r="A11"><v>6</v></c><c r="A11"><v>7</v></c></row>'))
    assert found.rows == [("1", "2"), ("3", "4"), (None, "5")]
    assert [reject.code for reject in found.rejected] == ["bad_cell"]


def test_shared_texts_are_found_by_their_number() -> None:
    table = strings(
        "<t>a</t>", "<r><t>b</t></r><r><t>c</t></r><rPh><t>no</t></rPh>", "<t/>", "<t> é </t>", '<t xml:space="preserve"> é </t>'
    )
    cells = [cell(f"<v>{number}</v>", t="s") for number in range(5)]
    found = read(xlsx(row(*cells[:2]) + row(cells[2], cells[3]) + row(cells[4], cells[0]), strings=table))
    assert (found.names, found.rows) == (["a", "bc"], [("", "é"), (" é ", "a")])


def test_a_column_of_numbers_and_text_is_text_with_the_numbers_as_the_file_has_them() -> None:
    rows = row(text("a")) + row("<c><v>0.10000000000000001</v></c>") + row(text("x")) + row(cell("<v>43861</v>", s="1"))
    found = read(xlsx(rows))
    assert (found.rows, found.types) == ([("0.1",), ("x",), ("2020-01-31",)], {"a": "string"})


@pytest.mark.parametrize(("kind", "expected"), [("int64", 7), ("float64", 7.0), ("decimal(5,2)", 7), ("string", "7")])
def test_a_number_stored_as_text_fits_the_type_that_its_column_has(kind: str, expected: object) -> None:
    source = reader(xlsx(row(text("a")) + row(text("7"))))
    (parsed,) = [parsed for block in source.blocks() if len(block) for parsed in source.parse(block)]
    typed, misfit = parsed.columns["a"].fit(arrow_type(kind))
    assert (typed.to_pylist(), misfit) == ([expected], None)


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    book = workbook(ONE_SHEET, before='<workbookPr date1904="1"/>')
    rows = row(text("a")) + "".join(row(cell(f"<v>{number}</v>", s="1")) for number in (0, 60, 42399))
    assert [found for (found,) in read(xlsx(rows, workbook=book)).rows] == ["1904-01-01", "1904-03-01", "2020-01-31"]


@pytest.mark.parametrize(
    ("code", "form"),
    [
        *(
            ("General", Form.NUMBER),
            ("0.00E+00", Form.NUMBER),
            ('0" days"', Form.NUMBER),
            ("[Red]0;[Black]d", Form.NUMBER),
            ("@", Form.NUMBER),
        ),
        *(("[h]:mm", Form.NUMBER), ("[ss].00", Form.NUMBER), ("\\d0", Form.NUMBER), ("_d0", Form.NUMBER), ("#,##0 [$USD]", Form.NUMBER)),
        *(("yyyy-mm-dd", Form.DATE), ("mmm", Form.DATE), ("[$-F800]dddd, mmmm dd, yyyy", Form.DATE), ("d/m/yy;@", Form.DATE)),
        *(("yyyy\\-mm\\-dd\\ hh:mm:ss.000", Form.DATE_AND_TIME), ("h:mm AM/PM", Form.TIME), ("mm:ss.0", Form.TIME), ("H:MM:SS", Form.TIME)),
    ],
)
def test_a_format_tells_what_a_number_stands_for(code: str, form: Form) -> None:
    assert form_of(code) is form


TWO_SHEETS = workbook(
    '<sheet name="Chart" sheetId="9" r:id="chartsheet1"/>',
    '<sheet name="Hidden" sheetId="1" state="veryHidden" r:id="worksheet1"/>',
    '<sheet name="Größe" sheetId="2" r:id="worksheet2"/>',
)
TWO_TARGETS = relations(chartsheet1="chartsheets/sheet1.xml", worksheet1="worksheets/sheet1.xml", worksheet2="../xl/Second.xml")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, "second"),
        (2, "first"),
        (3, "second"),
        ("Hidden", "first"),
        ("GRÖSSE", "second"),
        (1, None),
        (4, None),
        ("Chart", None),
        ("", None),
    ],
)
def test_a_sheet_is_chosen_by_name_or_number_and_else_is_the_first_that_is_shown(wanted: str | int | None, expected: str | None) -> None:
    data = xlsx(row(text("first")), workbook=TWO_SHEETS, rels=TWO_TARGETS)
    with zipfile.ZipFile(file := io.BytesIO(data), "a") as archive:
        archive.writestr("xl/second.XML", xlsx_files.sheet(row(text("second"))))
    if expected is None:
        assert refused(file.getvalue(), sheet=wanted) == "unknown_sheet"
    else:
        assert read(file.getvalue(), sheet=wanted).names == [expected]


def test_prefixes_other_encodings_comments_and_unknown_elements_change_nothing() -> None:
    part = f'<?xml version="1.0" encoding="UTF-16"?><x:worksheet xmlns:x="{xlsx_files.MAIN}"><x:dimension ref="A1:XFD9"/><x:sheetData>'
    part += '<x:row><x:c t="str"><x:v>é<!-- </x:v> --></x:v></x:c></x:row>'
    part += "<x:row><x:c><x:v><![CDATA[1]]></x:v><x:new><x:v2/></x:new></x:c></x:row>"
    part += "</x:sheetData></x:worksheet>"
    found = read(xlsx("", sheet=part.encode("utf-16")))
    assert (found.names, found.rows) == (["é"], [("1",)])


DOCTYPE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
FILE = xlsx(HEADER + row(text("x")))


def changed(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert old in archive
    return archive.replace(old, new)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (xlsx("", sheet=DOCTYPE + "<x>&b;</x>"), "forbidden_xml"),
        (xlsx("", sheet=EXTERNAL + "<x>&a;</x>"), "forbidden_xml"),
        (xlsx("", workbook=DOCTYPE + "<x/>"), "forbidden_xml"),
        (xlsx("", styles=DOCTYPE + "<x/>"), "forbidden_xml"),
        (xlsx("", strings=DOCTYPE + "<x/>"), "forbidden_xml"),
        (xlsx("", rels=DOCTYPE + "<x/>"), "forbidden_xml"),
        (xlsx(HEADER + "<row><c><v>&undefined;</v></c></row>"), "corrupt_file"),
        (xlsx(HEADER + "<row><c><v>1</c></row>"), "corrupt_file"),
        (xlsx("", sheet=xlsx_files.sheet(HEADER)[:-20]), "corrupt_file"),
        (xlsx("", sheet=""), "corrupt_file"),
        (xlsx("", sheet=None), "corrupt_file"),
        (xlsx("", strings=None), "corrupt_file"),
        (xlsx(HEADER + "<a>" * 200), "corrupt_file"),
        (xlsx(HEADER + "<a b='" + "x" * (9 << 20)), "corrupt_file"),
        (packed({"../xl/workbook.xml": "x"}), "corrupt_file"),
        (packed({"/etc/passwd": "x"}), "corrupt_file"),
        (packed({"xl\\..\\..\\x": "x"}), "corrupt_file"),
        (packed({"c:x": "x"}), "corrupt_file"),
        (packed({"xl/a.xml": "x", "xl/A.xml": "y"}), "corrupt_file"),
        (FILE[:-30], "corrupt_file"),
        (FILE[: len(FILE) // 2], "corrupt_file"),
        (b"PK\x03\x04" + bytes(100), "corrupt_file"),
        (changed(FILE, b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x0c\0"), "corrupt_file"),
        (packed({"a.txt": "x"}), "format_mismatch"),
        (packed({}), "format_mismatch"),
        (xlsx("", workbook="<document/>"), "format_mismatch"),
        (xlsx("", rels=None), "unknown_sheet"),
        (xlsx("", workbook=workbook()), "unknown_sheet"),
        (xlsx(""), "empty_file"),
        (xlsx(row("<c/>")), "empty_file"),
        (xlsx(row(text("a"), text("a"))), "duplicate_column"),
        (xlsx(row(text("a"), "<c/>", text("b"))), "empty_column_name"),
        (xlsx(row(text("x" * 300))), "column_name_too_long"),
        (xlsx(row(text("a"), text("_krai_raw"))), "reserved_column"),
        (xlsx(row(cell("<v>#N/A</v>", t="e"))), "bad_cell"),
        (xlsx(row(text("a")) + '<row><c r="XFD1048576"><v>1</v></c></row>'), "too_many_columns"),
        (xlsx(row(*(text(f"c{number}") for number in range(101)))), "too_many_columns"),
    ],
)
def test_what_is_no_sheet_to_import_is_refused(data: bytes, code: str) -> None:
    assert refused(data) == code


def test_a_flipped_bit_is_noticed() -> None:
    with zipfile.ZipFile(io.BytesIO(FILE)) as archive:
        place = archive.getinfo(xlsx_files.SHEET).header_offset + 30 + len(xlsx_files.SHEET) + 60
    damaged = bytearray(FILE)
    damaged[place] ^= 1
    assert refused(bytes(damaged)) == "corrupt_file"


def test_members_that_are_encrypted_are_named_so() -> None:
    data = bytearray(FILE)
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1
    assert refused(bytes(data)) == "encrypted_file"


def test_everything_that_is_unpacked_counts() -> None:
    filled = HEADER + row(text("x" * 90), text("y")) * 2000
    assert refused(xlsx(filled), max_bytes=200_000) == "decompression_limit"
    assert refused(xlsx(HEADER, strings=strings(*["<t>x</t>"] * 20_000)), max_bytes=200_000) == "decompression_limit"
    shared = row(cell("<v>0</v>", t="s"), text("b")) * 2000
    assert refused(xlsx(HEADER + shared, strings=strings(f"<t>{'x' * 900}</t>")), max_bytes=1_000_000) == "decompression_limit"
    assert read(xlsx(filled), max_bytes=300_000).total == 2000


def test_what_unpacks_to_hundreds_of_times_its_size_is_a_bomb() -> None:
    assert refused(xlsx("", sheet=xlsx_files.sheet(HEADER + " " * (70 << 20)))) == "decompression_limit"


TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from('<>&"_x0041\n\t '), st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    ),
    max_size=12,
)
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int64": st.integers(-(2**53), 2**53),
    # That program writes 16 digits.
    "float64": st.floats(-1e300, 1e300).map(lambda number: float(f"{number:.15g}")).filter(lambda number: not number.is_integer()),
    "date": st.dates(dt.date(1904, 1, 2)),
    "timestamp": st.datetimes(dt.datetime.fromisoformat("1904-01-02")).map(
        lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
    ),
    "string": TEXT.map(lambda cell: "x" + cell),
}
COLUMN = st.sampled_from(list(CELLS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.one_of(st.none(), CELLS[kind]), min_size=5, max_size=5), CELLS[kind])
)


@settings(max_examples=60)
@given(st.lists(COLUMN, min_size=1, max_size=4), st.booleans(), st.booleans(), st.sampled_from(BLOCKS))
def test_what_another_program_writes_is_read_back(
    columns: list[tuple[str, list[Any], Any]],
    shared: bool,  # noqa: FBT001
    since_1904: bool,  # noqa: FBT001
    block_bytes: int,
) -> None:
    filled = [(kind, [last, *cells]) for kind, cells, last in columns]
    data = written(filled, shared=shared, since_1904=since_1904)
    source = reader(data, block_bytes=block_bytes)
    assert read_all(source).types == {f"c{place}": kind for place, (kind, _) in enumerate(filled)}
    blocks = [parsed for block in source.blocks() for parsed in source.parse(block)]
    for place, (kind, cells) in enumerate(filled):
        typed = [
            found
            for parsed in blocks
            for found in (
                parsed.columns[f"c{place}"].fit(arrow_type(kind))[0] if f"c{place}" in parsed.columns else pa.nulls(parsed.whole)
            ).to_pylist()
        ]
        rows = [number for number in range(6) if any(column[1][number] is not None for column in filled)]
        assert typed == [cells[number] for number in rows]


def written(columns: list[tuple[str, list[Any]]], *, shared: bool, since_1904: bool) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": not shared, "in_memory": True, "date_1904": since_1904})
    formats = {"date": book.add_format({"num_format": 14}), "timestamp": book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss.000"})}
    page = book.add_worksheet()
    page.write_row(0, 0, [f"c{place}" for place in range(len(columns))])
    for number in range(6):
        for place, (kind, cells) in enumerate(columns):
            content = cells[number]
            match kind:
                case _ if content is None:
                    pass
                case "boolean":
                    page.write_boolean(number + 1, place, content)
                case "date" | "timestamp":
                    page.write_datetime(number + 1, place, content, formats[kind])
                case "string":
                    page.write_string(number + 1, place, content)
                case _:
                    page.write_number(number + 1, place, content)
    book.close()
    return file.getvalue()


ODD = [
    "\u00e9\U0001f600",
    "&lt;&amp;&quot;&apos;&gt;",
    "&#65;",
    "&#x1F600;",
    "]]&gt;",
    "a&#10;b",
    "x\ny",
    "\r",
    "<![CDATA[z]]>",
    "<!-- c -->",
    "&no;",
    "\x01",
    "\uffff",
]
CONTENT = st.sampled_from(["", "1", " 2.50 ", "x", " y ", "_x0041_", "0", *ODD])
VALUES = st.one_of(
    st.just(""),
    CONTENT.map(lambda content: f"<v>{content}</v>"),
    CONTENT.map(lambda content: f"<is><t>{content}</t></is>"),
    CONTENT.map(lambda content: f'<is><t xml:space="preserve">{content}</t></is>'),
    CONTENT.map(lambda content: f"<f>A1</f><v>{content}</v>"),
    CONTENT.map(lambda content: f"<v>{content}</v><extLst/>"),
)
KINDS = st.sampled_from(
    ["", ' t="n"', ' t="s"', ' t="str"', ' t="b"', ' t="inlineStr"', ' t="e"', ' s="1"', ' s="3" t="n"', ' t="n" s="3"']
)
ONE = st.tuples(st.sampled_from(["", ' r="A2"', ' r="B2"', ' r="C2"', ' r="b2"', ' r="A"']), KINDS, VALUES)
ODD_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["<row>", '<row r="2" spans="1:2">', '<row a:b="c">', "<row\n>"]),
        st.lists(ONE.map(lambda found: f"<c{found[0]}{found[1]}>{found[2]}</c>" if found[2] else f"<c{found[0]}{found[1]}/>"), max_size=3),
        st.sampled_from(["", "", "<row/>", "\n", "<odd><row><c><v>9</v></c></row></odd>", "<!-- <row><c><v>8</v></c></row> -->"]),
    ).map(lambda found: f"{found[0]}{''.join(found[1])}</row>{found[2]}"),
    max_size=6,
)


@settings(max_examples=300)
@given(ODD_ROWS, st.sampled_from(BLOCKS))
def test_rows_told_by_their_pattern_are_what_expat_says_of_them(rows: list[str], block_bytes: int) -> None:
    """A comment before the first row leaves all of them to expat."""
    parts = {"strings": strings("<t>s</t>", "<t>t</t>")}
    quick, exact = (xlsx("", sheet=xlsx_files.sheet(before + HEADER + "".join(rows)), **parts) for before in ("", "<!-- -->"))
    assert outcome(quick, block_bytes) == outcome(exact, block_bytes)


def outcome(data: bytes, block_bytes: int) -> object:
    try:
        return read(data, block_bytes=block_bytes)
    except Terminal as error:
        return error.code


@pytest.mark.parametrize(
    "part",
    [
        xlsx_files.sheet(f"{HEADER}<!-- > {row('<c><v>1</v></c>')} -->"),
        xlsx_files.sheet(f"{HEADER}<?a > {row('<c><v>1</v></c>')} ?>"),
        xlsx_files.sheet(f"{HEADER}<x>{row('<c><v>1</v></c>')}</x>").replace("<x>", "<x><![CDATA[").replace("</x>", "]]></x>"),
        xlsx_files.sheet(HEADER).replace("</worksheet>", f"{row('<c><v>1</v></c>')}</worksheet>"),
    ],
)
def test_what_only_looks_like_a_row_is_none(part: str) -> None:
    assert read(xlsx("", sheet=part)).rows == []
    assert read(xlsx("", sheet=part.replace("<sheetData>", "<sheetData><!-- -->"))).rows == []


def test_octets_of_another_encoding_are_read_by_it() -> None:
    part = xlsx_files.sheet(HEADER + row(text("\u00e9"))).replace('version="1.0"', 'version="1.0" encoding="iso-8859-1"').encode("latin-1")
    assert read(xlsx("", sheet=part)).rows == [("\u00e9", None)]
    mixed = xlsx_files.sheet(HEADER + row(text("\u00e9"))).encode("latin-1")
    assert refused(xlsx("", sheet=mixed)) == "corrupt_file"
