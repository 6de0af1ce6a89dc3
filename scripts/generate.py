"""Writes what is said in code once and elsewhere again: the settings table of the README, docs/problems.md, and the dashboard's types."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from krai import settings
from krai.errors import PROBLEMS
from scripts import frontend

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PROBLEMS_PAGE = ROOT / "docs" / "problems.md"
BEGIN = "<!-- settings: made by `make settings` -->"
END = "<!-- end of settings -->"
BAR = "\\|"  # within a cell of a table

PREFACE = """\
# Problems

Every way krai says no, made by `make settings` from `krai/errors.py`. An answer carries the code as `code` and as the last part of `type`
(`/problems/<code>`), a failed job in `error`, a rejected row in its rejects file. The status is that of an answer; a job or a row
that failed is itself answered with 200.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("|" + "".join(f" {cell.replace('|', BAR)} |" if cell else " |" for cell in line) + "\n" for line in lines)


def settings_table() -> str:
    rows = ((f"`{name}`", f"`{default}`" if default else "", meaning) for name, default, meaning in settings.rows())
    return table(["name", "default", "meaning"], rows)


def problems_page() -> str:
    rows = ((f"`{problem.code}`", str(problem.status), problem.title, problem.remedy) for problem in PROBLEMS.values())
    return f"{PREFACE}\n{table(['code', 'status', 'what happened', 'what to do'], rows)}"


def with_settings(readme: str) -> str:
    """The README with a fresh table between its two markers. Raises ValueError when a marker is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs the markers {BEGIN} and {END}")
    return f"{before}{begin}\n\n{settings_table()}\n{end}{after}"


def main() -> None:
    README.write_text(with_settings(README.read_text()))
    PROBLEMS_PAGE.write_text(problems_page())
    frontend.main("types")


if __name__ == "__main__":
    main()
