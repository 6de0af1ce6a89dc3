"""Tables as XLSX (ECMA-376, transitional): a sheet with a header row, and further sheets where one cannot hold all rows.

Written as it goes, without a temporary file: nothing is kept but the rows at hand. Equal tables give equal bytes, for the parts name
no time. The text of cells is inline, for a table of shared strings would have to be kept to the end.
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from krai.errors import Terminal
from krai.formats.sink import Sink
from krai.formats.text import octets_of
from krai.formats.types import in_one
from krai.formats.xlsx_cells import cells
from krai.formats.xlsx_workbook import APPLICATION

MOST_ROWS = 1_048_576  # of a sheet, with its header
MOST_COLUMNS = 16_384
# A zip entry of more than 2 GiB needs zip64, which Excel offers to repair: a new sheet is begun long before.
_FULL_BYTES = 1 << 30
_ROWS_AT_ONCE = 16_384
_LEVEL = 4
_TITLE_CHARACTERS = 31
_RESERVED = {"history"}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_BEGIN = f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetData>'
_WRITTEN_BY = f'<fileVersion appName="{APPLICATION}"/>'
_SHEET_END = "</sheetData></worksheet>"
_STYLES = (
    f'{_DECLARATION}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True, slots=True)
class XlsxFormat:
    """Raises Terminal too_many_columns at once, cell_too_large when a cell is encoded that is too long."""

    schema: pa.Schema
    title: str
    sheet_rows: int = MOST_ROWS  # with the header

    def __post_init__(self) -> None:
        if len(self.schema) > MOST_COLUMNS:
            raise Terminal("too_many_columns", f"A sheet has at most {MOST_COLUMNS} columns.")

    def encode(self, table: pa.Table) -> pa.Table:
        """The cells, all but their places."""
        columns = [in_one(column) for column in table.columns]
        names = [str(number) for number in range(len(columns))]
        return pa.table([cells(column, number) for number, column in enumerate(columns, 1)], names=names)

    def begin(self, write: Callable[[bytes | memoryview], None]) -> "XlsxDocument":
        return XlsxDocument(self, write)


class XlsxDocument:
    """Implements `Document`."""

    def __init__(self, layout: XlsxFormat, write: Callable[[bytes | memoryview], None]) -> None:
        names = layout.schema.names
        self.cells_altered = 0
        self._title = layout.title
        self._sheet_rows = layout.sheet_rows
        self._letters = [letters(number) for number in range(1, len(names) + 1)]
        self._header = pa.table([cells(pa.array([name], pa.string()), place) for place, name in enumerate(names, 1)], names=self._letters)
        self._zip = zipfile.ZipFile(Sink(write), "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._put("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        self._sheets = 0
        self._begin_sheet()

    def add(self, encoded: pa.Table) -> None:
        start = 0
        while start < encoded.num_rows:
            if self._rows == self._sheet_rows or self._sheet_bytes > _FULL_BYTES:
                self._end_sheet()
                self._begin_sheet()
            rows = encoded.slice(start, min(_ROWS_AT_ONCE, self._sheet_rows - self._rows))
            self._add(rows)
            start += rows.num_rows

    def finish(self) -> None:
        self._end_sheet()
        sheets = range(1, self._sheets + 1)
        titles = [_sheet_title(self._title, number) for number in sheets]
        listed = "".join(f'<sheet name="{title}" sheetId="{n}" r:id="rId{n}"/>' for n, title in enumerate(titles, 1))
        self._put("xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">{_WRITTEN_BY}<sheets>{listed}</sheets></workbook>')
        targets = [("worksheet", f"worksheets/sheet{number}.xml") for number in sheets]
        self._put("xl/_rels/workbook.xml.rels", _relations([*targets, ("styles", "styles.xml")]))
        self._put("xl/styles.xml", _STYLES.removeprefix(_DECLARATION))
        self._put("[Content_Types].xml", _content_types(sheets))
        self._zip.close()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        self._rows = 0
        self._sheet_bytes = 0
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        self._sheet.write(_SHEET_BEGIN.encode())
        self._add(self._header)

    def _end_sheet(self) -> None:
        self._sheet.write(_SHEET_END.encode())
        self._sheet.close()

    def _add(self, rows: pa.Table) -> None:
        first = self._rows + 1
        self._rows += rows.num_rows
        places = pa.array(range(first, self._rows + 1), pa.int64()).cast(pa.string())
        placed = [
            pc.binary_join_element_wise(f'<c r="{letter}', places, in_one(column), "")
            for letter, column in zip(self._letters, rows.columns, strict=True)
        ]
        blank = reduce(pc.and_, [column.is_null() for column in placed])
        if pc.any(blank).as_py():
            # A row without a cell would be none; a cell with an empty value says that it is one, of nulls.
            marks = pc.binary_join_element_wise(f'<c r="{self._letters[0]}', places, '"><v></v></c>', "")
            placed[0] = pc.if_else(blank, marks, placed[0])
        lines = pc.binary_join_element_wise('<row r="', places, '">', *placed, "</row>", "", null_handling="replace")
        # The lines lie one after the other in the array's data, which is the text of the sheet.
        data = octets_of(lines).data
        self._sheet_bytes += len(data)
        self._sheet.write(data)

    def _put(self, name: str, content: str) -> None:
        with self._zip.open(name, "w") as part:
            part.write((_DECLARATION + content).encode())


def letters(number: int) -> str:
    """The name of a column, the first of which is 1: A to Z, AA, AB and so on."""
    name = ""
    while number:
        number, place = divmod(number - 1, 26)
        name = chr(ord("A") + place) + name
    return name


def _sheet_title(title: str, number: int) -> str:
    """Excel takes at most 31 characters, each title once, and keeps one for itself."""
    ending = "" if number == 1 else f" ({number})"
    title = title[: _TITLE_CHARACTERS - len(ending)]
    return f"{title}_" if title in _RESERVED and not ending else title + ending


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>' for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _content_types(sheets: Sequence[int]) -> str:
    parts = [("xl/workbook.xml", "sheet.main"), ("xl/styles.xml", "styles")]
    parts += [(f"xl/worksheets/sheet{number}.xml", "worksheet") for number in sheets]
    listed = "".join(f'<Override PartName="/{part}" ContentType="{_TYPE}.{kind}+xml"/>' for part, kind in parts)
    defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{defaults}<Default Extension="xml" ContentType="application/xml"/>{listed}</Types>'
