"""The dashboard's own tools, where node is there: `python -m scripts.frontend install|check|build|types`.

Several may be asked at once: one installs, the others wait for it.
"""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.openapi import describe, without_examples

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
DIST = FRONTEND / "dist"
TYPES = FRONTEND / "src" / "api" / "schema.d.ts"
INSTALLED = FRONTEND / "node_modules" / ".installed"  # a copy of the lock file that was installed
LOCK = FRONTEND / "package-lock.json"
CHECKS = ("lint", "typecheck", "test")
MAKE_TYPES = ("--default-non-nullable=false", "--root-types", "--root-types-no-schema-prefix")


class FrontendFailed(Exception):
    """A tool is not content; it has said why."""


def node_is_there() -> bool:
    return shutil.which("node") is not None and shutil.which("npm") is not None


def install() -> None:
    """What the lock file names, unless it is there."""
    with _alone():
        if not (INSTALLED.exists() and INSTALLED.read_bytes() == LOCK.read_bytes()):
            _npm("ci", "--prefer-offline", "--no-progress", "--loglevel=error")
            shutil.copyfile(LOCK, INSTALLED)


def build() -> Path:
    """The folder of the built dashboard."""
    install()
    with _alone():
        _npm("run", "--silent", "build", "--", "--logLevel", "warn")
    return DIST


def check() -> None:
    """Style, types and tests, and whether the types of the API are those of the API."""
    install()
    for name in CHECKS:
        _npm("run", "--silent", name)
    if make_types() != TYPES.read_text():
        raise FrontendFailed("frontend/src/api/schema.d.ts is not of this API: run `make settings`")
    print("The dashboard's style, types and tests are content.")


def make_types() -> str:
    """The API's types in TypeScript, from krai's OpenAPI description."""
    with tempfile.TemporaryDirectory() as folder:
        description, types = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        description.write_text(json.dumps(without_examples(asyncio.run(describe()))))
        _npm("exec", "--", "openapi-typescript", str(description), "--output", str(types), *MAKE_TYPES, quiet=True)
        return types.read_text()


def write_types() -> None:
    install()
    TYPES.write_text(make_types())


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time."""
    with (Path(tempfile.gettempdir()) / f"krai-frontend-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _npm(*arguments: str, quiet: bool = False) -> None:
    done = subprocess.run(["npm", *arguments], cwd=FRONTEND, check=False, stdout=subprocess.DEVNULL if quiet else sys.stderr)  # noqa: S607
    if done.returncode:
        raise FrontendFailed(f"npm {' '.join(arguments[:3])} is not content")


def main(wanted: str) -> None:
    if not node_is_there():
        if os.environ.get("CI") == "true":
            sys.exit("node is not installed")
        print("node is not installed: the dashboard is left out.")
        return
    try:
        {"install": install, "check": check, "build": build, "types": write_types}[wanted]()
    except FrontendFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main(sys.argv[1])
