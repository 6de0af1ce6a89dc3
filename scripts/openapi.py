"""Prints krai's OpenAPI description without its examples, for the dashboard's types: `python -m scripts.openapi`."""

import asyncio
import json
import sys
import tempfile
from typing import Any

from krai.api.app import create_app
from krai.settings import Settings
from krai.wiring.stores import open_stores

EXAMPLES = ("example", "examples")


async def describe() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"KRAI_DATA_DIR": folder})
        async with open_stores(settings) as stores:
            return create_app(settings, stores).openapi()


def without_examples(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: without_examples(value) for name, value in part.items() if name not in EXAMPLES}
    return [without_examples(value) for value in part] if isinstance(part, list) else part


if __name__ == "__main__":
    json.dump(without_examples(asyncio.run(describe())), sys.stdout)
