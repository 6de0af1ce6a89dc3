import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from krai.worker.pool import ChildPool, ChildTerms

# Children import the scripted warehouse by name.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[ChildPool]:
    terms = ChildTerms(
        build="scripted:build", build_args=(str(tmp_path),), spool=tmp_path / "spool", memory_bytes=400 << 20, job_timeout_s=3
    )
    pool = ChildPool(terms, size=1)
    await pool.open()
    yield pool
    await pool.close()
