"""Virtual environments for what is measured beside krai but not installed with it: its pins and krai's are not the same."""

import subprocess
import sys
from pathlib import Path

from scripts.emulators import ROOT


def python_of(name: str) -> Path:
    """The Python of `bench/{name}/requirements.txt`, installed anew when these have changed."""
    pins, venv = ROOT / "bench" / name / "requirements.txt", ROOT / "build" / name
    python, made_of = venv / "bin" / "python", venv / "requirements.txt"
    if not made_of.exists() or made_of.read_text() != pins.read_text():
        uv = [sys.executable, "-m", "uv", "--no-config"]  # what krai's own tools are to do without may be what is wanted here
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(pins)], check=True)
        made_of.write_text(pins.read_text())
    return python
