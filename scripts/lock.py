"""Writes requirements.txt and requirements-dev.txt: the direct dependencies of pyproject.toml and all they bring, pinned.

One resolution for all supported Pythons and systems (`--universal`), so the same set is installed everywhere. A pin stays until
it is asked to move: `make lock UPGRADE=--upgrade`, or `UPGRADE=--upgrade-package=NAME`.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"
HEAD = "# Made by `make lock` from pyproject.toml; docs/dependencies.md says why each.\n"


def resolve(*options: str) -> dict[str, tuple[str, bool]]:
    """Pin by package name, and whether pyproject.toml names it."""
    known = "".join(file.read_text() for file in (RUNTIME, DEV) if file.exists())
    pinned = "\n".join(line for line in known.splitlines() if "==" in line)
    output = ROOT / ".venv" / "lock.txt"  # uv keeps the pins that it finds in its output file
    output.write_text(pinned)
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--fork-strategy=fewest"]
    command += ["--no-header", "--annotation-style=line", f"--output-file={output}", *options, "pyproject.toml"]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    pins = {}
    for line in output.read_text().splitlines():
        pin, _, via = line.partition("  #")
        pins[pin.partition("==")[0]] = (" ".join(pin.split()), "pyproject.toml" in via)
    output.unlink()
    return pins


def render(pins: dict[str, tuple[str, bool]], first: str) -> str:
    direct = "".join(f"{pin}\n" for pin, named in pins.values() if named)
    brought = "".join(f"{pin}\n" for pin, named in pins.values() if not named)
    return f"{HEAD}{first}\n# Direct\n{direct}\n# Brought by those\n{brought}"


def version_of(pin: str) -> str:
    """`name==version`, without the systems it is for."""
    return pin.partition(" ")[0]


def main() -> None:
    runtime = resolve(*sys.argv[1:])
    everything = resolve("--group=dev", *sys.argv[1:])
    moved = [name for name, (pin, _) in runtime.items() if version_of(everything[name][0]) != version_of(pin)]
    if moved:
        sys.exit(f"the tools ask for other versions than krai does of: {', '.join(moved)}")
    RUNTIME.write_text(render(runtime, ""))
    # What the tools want on more systems than krai does is named once more.
    more = {name: entry for name, entry in everything.items() if name not in runtime or entry[0] != runtime[name][0]}
    DEV.write_text(render(more, "-r requirements.txt\n"))


if __name__ == "__main__":
    main()
