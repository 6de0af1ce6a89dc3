"""What the cells of a sheet stand for (ECMA-376 part 1, 18.3.1.4): numbers, truth, text, days and times.

A number is what the nearest double says in its fewest digits, as a spreadsheet shows it, or a whole number with all digits of the file.
Days and times are told as ISO 8601 tells them, to the millisecond. The 29th of February 1900, which Excel has, is no day.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta

from krai.formats.json_cells import Kind
from krai.formats.xlsx_sheet import PLACE, Cell
from krai.formats.xlsx_strings import SharedStrings, unescaped
from krai.formats.xlsx_workbook import Form

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"(-?)0*(\d+)", re.ASCII)
_NOT_FINITE = {"INF", "+INF", "-INF", "NaN"}  # of XML Schema
_EXACT_WHOLE = 1 << 53
_DAY_MS = 86_400_000
_LEAP_DAY = 60  # 1900-02-29
_TRUTH = {"1": "true", "true": "true", "0": "false", "false": "false"}


class Unfit(Exception):
    """A cell that cannot be imported: a code of the problem table and why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Values:
    """Reads the cells of one workbook."""

    strings: SharedStrings
    forms: list[Form]
    since_1904: bool

    def read(self, cell: Cell) -> tuple[Kind, str | None]:
        """The kind of the value and how it is spelled, as columns of JSON have it. Raises Unfit."""
        text = cell.text
        match cell.type:
            case "n":
                return self._number(text.strip(), cell.style) if text else (Kind.NULL, None)
            case "s":
                return Kind.STRING, _text(self._shared(text))
            case "inlineStr" | "str":
                return Kind.STRING, _text(text)
            case "b":
                if text.strip() not in _TRUTH:
                    raise Unfit("bad_cell", "The cell is neither true nor false.")
                return Kind.BOOLEAN, _TRUTH[text.strip()]
            case "d":
                return Kind.STRING, _text(text.strip())
            case "e":
                raise Unfit("bad_cell", "The cell holds an error.")
            case _:
                raise Unfit("bad_cell", "The cell has a type that XLSX does not know.")

    def _shared(self, text: str) -> str:
        number = text.strip()
        if not PLACE.fullmatch(number) or int(number) >= len(self.strings):
            raise Unfit("bad_cell", "The cell names a text that the file does not have.")
        return self.strings[int(number)]

    def _number(self, text: str, style: str) -> tuple[Kind, str]:
        if not _NUMBER.fullmatch(text):
            raise Unfit("non_finite_number") if text in _NOT_FINITE else Unfit("bad_cell", "The cell is no number.")
        number = float(text)
        if not math.isfinite(number):
            raise Unfit("non_finite_number")
        form = self._form(style)
        if form is not Form.NUMBER:
            return Kind.STRING, self._moment(number, form)
        if (whole := _WHOLE.fullmatch(text)) is not None:
            # A double has at most 309 digits before its point; with more zeros before them Python would not read them.
            return Kind.INTEGER, str(int(whole[1] + whole[2]))
        if number.is_integer() and abs(number) <= _EXACT_WHOLE:
            return Kind.INTEGER, str(int(number))
        return Kind.NUMBER, repr(number)

    def _form(self, style: str) -> Form:
        if not style or style == "0":
            return self.forms[0] if self.forms else Form.NUMBER
        return self.forms[int(style)] if PLACE.fullmatch(style) and int(style) < len(self.forms) else Form.NUMBER

    def _moment(self, number: float, form: Form) -> str:
        try:
            day, milliseconds = divmod(round(number * _DAY_MS), _DAY_MS)
            if form is Form.TIME and day == 0:
                return _time_of_day(milliseconds)
            first = date(1904, 1, 1) if self.since_1904 else date(1899, 12, 31 if day < _LEAP_DAY else 30)
            found = first + timedelta(days=day)
        except OverflowError:
            raise Unfit("bad_cell", "The cell is no day of the calendar.") from None
        if day < 0 or (not self.since_1904 and day in {0, _LEAP_DAY}):
            raise Unfit("bad_cell", "The cell is no day of the calendar.")
        if form is Form.DATE and not milliseconds:
            return found.isoformat()
        return f"{found.isoformat()}T{_time_of_day(milliseconds)}"


def _time_of_day(milliseconds: int) -> str:
    seconds, fraction = divmod(milliseconds, 1000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:03}" if fraction else text


def _text(text: str) -> str:
    try:
        found = unescaped(text)
    except UnicodeError:
        raise Unfit("bad_cell", "The cell has half a character.") from None
    if "\0" in found:
        raise Unfit("control_character")
    return found
