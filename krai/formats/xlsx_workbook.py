"""What a workbook says before its sheets are read: which sheets there are, and what its numbers stand for."""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from krai.errors import Terminal
from krai.formats.xlsx_package import Budget, Package, Relation
from krai.formats.xlsx_xml import Attributes, Elements, parse

APPLICATION = "krai"  # that wrote the file, as the workbook says
_MOST_FORMATS = 1 << 17  # Excel has room for half of that


class Form(Enum):
    """What a number is, by the format it is shown in."""

    NUMBER = auto()
    DATE = auto()
    TIME = auto()
    DATE_AND_TIME = auto()


@dataclass(frozen=True, slots=True)
class Workbook:
    """`sheets` and `strings` name parts; `forms` has the form of each cell style; `since_1904` is the epoch of old Macintoshes.

    There are several sheets where krai has written more rows than one can hold: each has the header.
    """

    sheets: list[str]
    strings: str | None
    forms: list[Form]
    since_1904: bool


def open_workbook(package: Package, wanted: str | int | None, budget: Budget) -> Workbook:
    """`wanted` is the name of a sheet or its number from 1; None is the first that is shown.

    Raises Terminal unknown_sheet, format_mismatch and corrupt_file.
    """
    roots = package.relations("", budget).values()
    place = next((relation.target for relation in roots if relation.kind == "officeDocument"), "xl/workbook.xml")
    if not package.has(place):
        raise Terminal("format_mismatch", "The file is a zip archive, but no XLSX.")
    found = _Sheets()
    parse(package.read(place, budget), found)
    if not found.is_workbook:
        raise Terminal("format_mismatch", "The file is of an office program, but no XLSX.")
    relations = package.relations(place, budget)
    parts = {relation.kind: relation.target for relation in relations.values()}
    formats = _Formats()
    if "styles" in parts:
        parse(package.read(parts["styles"], budget), formats)
    sheets = _chosen(found.sheets, relations, wanted)
    return Workbook(
        sheets if found.is_ours and wanted is None else sheets[:1], parts.get("sharedStrings"), formats.forms(), found.since_1904
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    shown: bool
    relation: str


def _chosen(sheets: list[_Sheet], relations: dict[str, Relation], wanted: str | int | None) -> list[str]:
    def is_wanted(number: int, sheet: _Sheet) -> bool:
        if isinstance(wanted, str):
            return sheet.name.casefold() == wanted.casefold()
        return sheet.shown if wanted is None else number == wanted

    found = []
    for number, sheet in enumerate(sheets, start=1):
        relation = relations.get(sheet.relation)
        # A chart is a sheet too, and has no cells.
        if relation is not None and relation.kind == "worksheet" and is_wanted(number, sheet):
            found.append(relation.target)
    if found:
        return found
    raise Terminal("unknown_sheet", f"The workbook has {len(sheets)} sheets, and none that was asked for has cells.")


@dataclass(slots=True)
class _Sheets(Elements):
    sheets: list[_Sheet] = field(default_factory=list)
    since_1904: bool = False
    is_workbook: bool = False
    is_ours: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append(_Sheet(attributes.get("name", ""), attributes.get("state", "visible") == "visible", relation))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in {"1", "true", "on"}
        elif name == "fileVersion":
            self.is_ours = attributes.get("appName") == APPLICATION
        elif name == "workbook":
            self.is_workbook = True


@dataclass(slots=True)
class _Formats(Elements):
    codes: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    _in_cells: bool = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self.used.append(attributes.get("numFmtId", "0"))
        if len(self.codes) + len(self.used) > _MOST_FORMATS:
            raise Terminal("corrupt_file", "The XLSX file has more formats than a workbook can have.")

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False

    def forms(self) -> list[Form]:
        known = {number: form_of(code) for number, code in self.codes.items()}
        return [known.get(number) or _BUILT_IN.get(number, Form.NUMBER) for number in self.used]


_BUILT_IN = (
    {str(number): Form.DATE for number in (*range(14, 18), *range(27, 32), 36, *range(50, 55), 57, 58)}
    | {str(number): Form.TIME for number in (*range(18, 22), *range(32, 36), 45, 47, 55, 56)}
    | {"22": Form.DATE_AND_TIME}
)
# Text in quotes, characters that stand for themselves, blanks as wide as one, and what fills the cell.
_LITERAL = re.compile(r'"[^"]*"?|[\\_*].?', re.DOTALL)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")
_BRACKETS = re.compile(r"\[[^\]]*\]?")
_HALF_OF_DAY = re.compile(r"am/pm|a/p")


def form_of(code: str) -> Form:
    """The form of a number format (ECMA-376 part 1, 18.8.31), by its first section. A time that has passed is a number of days."""
    code = _LITERAL.sub("", code).partition(";")[0].lower()
    if _ELAPSED.search(code) or "general" in code:
        return Form.NUMBER
    code = _HALF_OF_DAY.sub("", _BRACKETS.sub("", code))
    has_time = "h" in code or "s" in code
    if "y" in code or "d" in code:
        return Form.DATE_AND_TIME if has_time else Form.DATE
    if has_time:
        return Form.TIME
    return Form.DATE if "m" in code else Form.NUMBER
