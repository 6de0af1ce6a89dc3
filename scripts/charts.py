"""Writes values.yaml, values.schema.json and the table in the README of each chart from the models of their values."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from scripts.chart_frontend import Frontend
from scripts.chart_krai import Krai
from scripts.chart_words import Values

ROOT = Path(__file__).resolve().parent.parent
CHARTS: dict[str, type[Values]] = {"krai": Krai, "krai-frontend": Frontend}
HEAD = "# Made by `make settings`. Unknown names are refused.\n"
BEGIN, END = "<!-- values: made by `make settings` -->", "<!-- end of values -->"
WIDTH = 120


def write() -> None:
    for name, model in CHARTS.items():
        for path, text in made(name, model).items():
            path.write_text(text)


def made(name: str, model: type[Values]) -> dict[Path, str]:
    """What a chart's generated files have in them."""
    folder = ROOT / "helm" / name
    readme = folder / "README.md"
    return {
        folder / "values.yaml": HEAD + "".join(_yaml(model(), 0)),
        folder / "values.schema.json": json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n",
        readme: with_table(readme.read_text(), model),
    }


def schema(model: type[Values]) -> dict[str, Any]:
    """For Helm, which asks for every value that it does not know to be refused, its own `global` excepted."""
    found: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    _without_noise(found)
    found["properties"]["global"] = {"type": "object", "description": "Helm's own"}
    return found


def with_table(readme: str, model: type[Values]) -> str:
    """Raises ValueError when a marker is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the README needs the markers {BEGIN} and {END}")
    rows = "".join(f"| `{key}` | {default} | {meaning} |\n" for key, default, meaning in _rows(model(), ""))
    return f"{before}{begin}\n\n| value | default | meaning |\n| --- | --- | --- |\n{rows}\n{end}{after}"


def _yaml(values: BaseModel, depth: int) -> Iterator[str]:
    for name, field in type(values).model_fields.items():
        value, pad = getattr(values, name), "  " * depth
        if field.description:
            yield "".join(f"{pad}# {line}\n" for line in textwrap.wrap(field.description, WIDTH - len(pad)))
        if isinstance(value, BaseModel):
            yield f"{pad}{field.alias}:\n"
            yield from _yaml(value, depth + 1)
        else:
            yield textwrap.indent(yaml.safe_dump({field.alias: value}, sort_keys=False, allow_unicode=True, width=WIDTH), pad)


def _rows(values: BaseModel, prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in type(values).model_fields.items():
        value, key = getattr(values, name), f"{prefix}{field.alias}"
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{key}.")
        else:
            default = "" if value in ("", {}, []) else f"`{value if isinstance(value, str) else json.dumps(value)}`"
            yield key, default.replace("|", "\\|"), str(field.description).replace("|", "\\|")


def _without_noise(node: Any) -> None:
    """Titles say what names say; `default`s stand in values.yaml."""
    if isinstance(node, dict):
        for key in ("title", "default"):
            if not isinstance(node.get(key), dict) or key == "default":
                node.pop(key, None)
        for value in node.values():
            _without_noise(value)
    elif isinstance(node, list):
        for value in node:
            _without_noise(value)
