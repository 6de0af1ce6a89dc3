"""`make guards`: takes krai's guards away one by one, and sees whether the tests notice.

Each guard of `scripts/guards.py` is removed from a copy of the tree, where its tests then run until the first that fails; arguments choose
guards by words of their names. The table of what caught what goes into docs/security.md. Exit code 1 when the tests stay green without
a guard.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from scripts.guards import GUARDS, Guard

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- guards: made by `make guards` -->", "<!-- end of guards -->"
AT_ONCE = 2
WITHIN_S = 300
# A failure in a test, or in what must hold after it; one before the first test says that krai does not even start.
CAUGHT = re.compile(r"^(?:FAILED|ERROR) (?P<test>tests/\S+::.+?)(?: - .*)?$", re.MULTILINE)
ROW = re.compile(r"^\| (?P<name>[^|]+) \| `krai/.*\n", re.MULTILINE)
NEVER_RAN = re.compile(r"ERROR at setup of|errors? during collection|^ERROR tests/\S+\.py(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    """`test` is what noticed that the guard is gone, None when nothing did; `said` is the end of what pytest said."""

    guard: Guard
    test: str | None
    said: str


def removed(text: str, guard: Guard) -> str:
    """The text of a file without the guard. Raises ValueError unless it stands there once."""
    if text.count(guard.text) != 1:
        message = f"{guard.file} has {guard.text!r} {text.count(guard.text)} times: {guard.name}"
        raise ValueError(message)
    return text.replace(guard.text, guard.without)


def copy_tree(target: Path) -> None:
    """What git tracks, as it stands in the working tree."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for path in filter(None, listed.stdout.split("\0")):
        if (ROOT / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path)


def without(guard: Guard) -> Result:
    with tempfile.TemporaryDirectory(prefix="krai-guards-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        file = tree / guard.file
        file.write_text(removed(file.read_text(), guard))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-k", guard.chosen, "-p", "no:cacheprovider", guard.tests]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    said = done.stdout[-4000:]
    found = None if NEVER_RAN.search(done.stdout) else CAUGHT.search(done.stdout)
    return Result(guard, found["test"] if found else None, said)


def page(old: str, results: list[Result]) -> str:
    """docs/security.md with these results in the table between its two markers; those of guards that were left alone stay."""
    before, _, rest = old.partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {found["name"]: found[0] for found in ROW.finditer(table)} | {result.guard.name: _row(result) for result in results}
    rows = "".join(known[guard.name] for guard in GUARDS if guard.name in known)
    return f"{before}{BEGIN}\n\n| without this guard | of this file | this test fails |\n| --- | --- | --- |\n{rows}\n{END}{after}"


def _row(result: Result) -> str:
    caught = "**nothing**" if result.test is None else f"`{result.test.replace('|', '')}`"
    return f"| {result.guard.name} | `{result.guard.file}` | {caught} |\n"


def main() -> int:
    console = Console()
    chosen = [guard for guard in GUARDS if not sys.argv[1:] or any(word in guard.name for word in sys.argv[1:])]
    for guard in chosen:
        removed((ROOT / guard.file).read_text(), guard)
    results = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(without, guard) for guard in chosen]
        for done in track(as_completed(running), "guards", len(running), console=console):
            result = done.result()
            results[result.guard] = result
            if result.test is None:
                console.print(f"NOT NOTICED: {result.guard.name} ({result.guard.file})", style="bold red")
                console.print(result.said, markup=False, highlight=False, soft_wrap=True)
            else:
                console.print(f"{result.guard.name}: {result.test}", markup=False, highlight=False, soft_wrap=True)
    PAGE.write_text(page(PAGE.read_text(), list(results.values())))
    return int(any(result.test is None for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
