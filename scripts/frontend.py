"""The dashboard's own tools, where node is there: `python -m scripts.frontend install|check|build|types`."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from scripts import npm
from scripts.openapi import describe, without_examples

FRONTEND = Path(__file__).resolve().parent.parent / "frontend"
DIST = FRONTEND / "dist"
TYPES = FRONTEND / "src" / "api" / "schema.d.ts"
CHECKS = ("lint", "typecheck", "test")
MAKE_TYPES = ("--default-non-nullable=false", "--root-types", "--root-types-no-schema-prefix")


def install() -> None:
    npm.install(FRONTEND)


def build() -> Path:
    """The folder of the built dashboard."""
    install()
    with npm.alone(FRONTEND):
        if not _is_built():  # a build removes what is there first, and somebody may be about to serve it
            npm.call(FRONTEND, "run", "--silent", "build", "--", "--logLevel", "warn")
    return DIST


def _is_built() -> bool:
    """Whether the dashboard is newer than all it is made of."""
    page = DIST / "index.html"
    made_of = (path for path in FRONTEND.rglob("*") if not {"node_modules", "dist"} & set(path.relative_to(FRONTEND).parts))
    return page.exists() and page.stat().st_mtime > max(path.stat().st_mtime for path in made_of if path.is_file())


def check() -> None:
    """Style, types and tests, and whether the types of the API are those of the API."""
    install()
    for name in CHECKS:
        npm.call(FRONTEND, "run", "--silent", name)
    if make_types() != TYPES.read_text():
        raise npm.NpmFailed("frontend/src/api/schema.d.ts is not of this API: run `make settings`")
    print("The dashboard's style, types and tests are content.")


def make_types() -> str:
    """The API's types in TypeScript, from krai's OpenAPI description."""
    with tempfile.TemporaryDirectory() as folder:
        description, types = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        description.write_text(json.dumps(without_examples(asyncio.run(describe()))))
        npm.call(FRONTEND, "exec", "--", "openapi-typescript", str(description), "--output", str(types), *MAKE_TYPES, quiet=True)
        return types.read_text()


def write_types() -> None:
    install()
    TYPES.write_text(make_types())


def main(wanted: str) -> None:
    if not npm.node_is_there():
        if os.environ.get("CI") == "true":
            sys.exit("node is not installed")
        print("node is not installed: the dashboard is left out.")
        return
    try:
        {"install": install, "check": check, "build": build, "types": write_types}[wanted]()
    except npm.NpmFailed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main(sys.argv[1])
