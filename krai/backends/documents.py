"""Records as JSON text and when they are gone, the same in every backend."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from krai.job import Job


def to_json(doc: Mapping[str, Any]) -> str:
    """Compact, and ASCII alone: text that is not valid Unicode comes back as it was instead of failing to be stored."""
    return json.dumps(doc, separators=(",", ":"), allow_nan=False)


def gone(job: Job, now: datetime) -> bool:
    """True when readers may not see the job any more, although it is still stored."""
    return job.delete_at is not None and job.delete_at <= now
