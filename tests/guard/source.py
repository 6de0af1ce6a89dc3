"""krai's own source as the guards see it: modules by name, each with its syntax tree and what it imports."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = ("main.py", "worker.py")


@dataclass(frozen=True)
class Module:
    name: str  # dotted; the entry points are `main` and `worker`
    path: str  # from the root, with slashes
    text: str
    tree: ast.Module
    is_package: bool

    @classmethod
    def read(cls, file: Path, root: Path) -> Self:
        text = file.read_text()
        parts = file.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        return cls(name, file.relative_to(root).as_posix(), text, ast.parse(text, str(file)), is_package)

    def imports(self) -> list[tuple[int, str]]:
        """Line and dotted name of all that is imported, at the top or within a function.

        `from a import b` gives `a.b`, for b may be a module; a name that is none does no harm.
        """
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                source = ".".join(part for part in (self._package_above(node.level), node.module) if part)
                found += [(node.lineno, f"{source}.{alias.name}") for alias in node.names]
        return sorted(found)

    def _package_above(self, level: int) -> str:
        """What the dots of a relative import stand for."""
        if level == 0:
            return ""
        parts = self.name.split(".")
        up = level - 1 if self.is_package else level
        return ".".join(parts[: len(parts) - up])


def read_modules(root: Path = ROOT) -> list[Module]:
    files = sorted((root / "krai").rglob("*.py")) + [root / name for name in ENTRY_POINTS if (root / name).exists()]
    return [Module.read(file, root) for file in files]


def belongs(name: str, package: str) -> bool:
    """True when the dotted `name` is `package` or something in it."""
    return name == package or name.startswith(package + ".")


def plant(root: Path, files: Mapping[str, str]) -> list[Module]:
    """Write a made-up krai to `root`, for the guards to find fault with."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return read_modules(root)
