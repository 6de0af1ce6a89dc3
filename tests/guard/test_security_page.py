"""docs/security.md is true: every row has its tests, and every guard of `make guards` still stands in the source."""

import re

import pytest

from scripts.guards import GUARDS
from scripts.guards_removed import PAGE, removed
from tests.guard.source import ROOT

ROW = re.compile(r"^\| (\d+) \|.*\|$", re.MULTILINE)
LINK = re.compile(r"\]\(\.\./(tests/hostile/\w+\.py)\)")
LAST_ROW = 62


def linked(row: str) -> list[str]:
    return LINK.findall(row)


def asks(row: int, text: str) -> bool:
    """Whether a file of tests names the row, as tests and their cases do."""
    return re.search(rf"test_{row}_|[\"(]{row}[-,]|row={row}\b|\b\w+\({row}, ", text) is not None


def test_every_row_is_asked_by_the_tests_that_it_names() -> None:
    rows = {int(found[1]): found[0] for found in ROW.finditer(PAGE.read_text())}
    assert set(rows) == set(range(1, LAST_ROW + 1))
    for row, line in rows.items():
        assert linked(line), line
        assert any(asks(row, (ROOT / path).read_text()) for path in linked(line)), line


def test_every_guard_stands_where_it_is_looked_for() -> None:
    for guard in GUARDS:
        assert removed((ROOT / guard.file).read_text(), guard) != (ROOT / guard.file).read_text()
        assert (ROOT / guard.tests).exists(), guard.tests
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


def test_the_last_run_took_every_guard_away_and_was_noticed() -> None:
    table = PAGE.read_text()
    assert [guard.name for guard in GUARDS if f"| {guard.name} | `{guard.file}` | `tests/" not in table] == []


def test_a_row_that_nobody_asks_and_a_guard_that_is_not_there_are_found() -> None:
    assert asks(7, "def test_7_who() -> None:")
    assert not asks(7, "def test_17_who() -> None: x[7]")
    with pytest.raises(ValueError, match=GUARDS[0].name):
        removed("", GUARDS[0])
