"""Records as JSON text, the same in every backend."""

import json
from collections.abc import Mapping
from typing import Any


def to_json(doc: Mapping[str, Any]) -> str:
    """Compact, and ASCII alone: text that is not valid Unicode comes back as it was instead of failing to be stored."""
    return json.dumps(doc, separators=(",", ":"), allow_nan=False)
