"""Writes requirements.txt and requirements-dev.txt: the direct dependencies of pyproject.toml and all they bring, pinned.

One resolution for all supported Pythons and systems (`--universal`), so the same set is installed everywhere, with the checksum of
every file there is of each. A pin stays until it is asked to move: `make lock UPGRADE=--upgrade`, or `UPGRADE=--upgrade-package=NAME`.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"
HEAD = "# Made by `make lock` from pyproject.toml; docs/dependencies.md says why each.\n"


@dataclass(frozen=True)
class Pin:
    version: str
    systems: str  # `; marker`, or nothing: for all
    hashes: tuple[str, ...]
    named: bool  # by pyproject.toml

    def lines(self, name: str) -> str:
        return " \\\n    ".join((f"{name}=={self.version}{self.systems}", *self.hashes)) + "\n"


PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?P<systems>[^\\\n]*)(?P<rest>(?:.*\n {4}\S)*.*)$", re.MULTILINE)


def read(text: str) -> dict[str, Pin]:
    """Pins by package name, as uv writes them."""
    found = {}
    for pin in PIN.finditer(text):
        hashes = tuple(re.findall(r"--hash=\S+", pin["rest"]))
        found[pin["name"]] = Pin(pin["version"], pin["systems"].rstrip(), hashes, "pyproject.toml" in pin["rest"])
    return found


def resolve(*options: str) -> dict[str, Pin]:
    known = "".join(file.read_text() for file in (RUNTIME, DEV) if file.exists())
    output = ROOT / ".venv" / "lock.txt"  # uv keeps the pins that it finds in its output file
    output.write_text("".join(pin.lines(name) for name, pin in read(known).items()))
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--fork-strategy=fewest", "--generate-hashes"]
    command += ["--no-header", "--annotation-style=line", f"--output-file={output}", *options, "pyproject.toml"]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    pins = read(output.read_text())
    output.unlink()
    return pins


def render(pins: dict[str, Pin], first: str) -> str:
    direct = "".join(pin.lines(name) for name, pin in pins.items() if pin.named)
    brought = "".join(pin.lines(name) for name, pin in pins.items() if not pin.named)
    return f"{HEAD}{first}\n# Direct\n{direct}\n# Brought by those\n{brought}"


def main() -> None:
    runtime = resolve(*sys.argv[1:])
    everything = resolve("--group=dev", *sys.argv[1:])
    moved = [name for name, pin in runtime.items() if everything[name].version != pin.version]
    if moved:
        sys.exit(f"the tools ask for other versions than krai does of: {', '.join(moved)}")
    RUNTIME.write_text(render(runtime, ""))
    # What the tools want on more systems than krai does is named once more.
    more = {name: pin for name, pin in everything.items() if name not in runtime or pin.systems != runtime[name].systems}
    DEV.write_text(render(more, "-r requirements.txt\n"))


if __name__ == "__main__":
    main()
