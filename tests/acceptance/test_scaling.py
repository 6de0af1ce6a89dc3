"""Depth → workers, with real workers and what the chart says: 0 → 1 → 3 → 1, and no job is lost when workers go."""

from pathlib import Path

import pytest

from scripts.emulators import Emulators
from tests.acceptance.scaling import JOBS, SPEED, drive, fleet


@pytest.mark.long
def test_workers_come_and_go_with_what_there_is_to_do(emulators: Emulators, tmp_path: Path) -> None:
    with fleet(tmp_path / "data", emulators, SPEED) as (made, scaling):
        ran = drive(made, scaling, SPEED, JOBS)

    assert [count for count in ran.steps if count != 2] == [0, 1, 3, 1], "two may be seen on the way down"
    first_three = next(seen for seen in ran.seen if seen.workers == 3)
    assert first_three.depth > 2 * scaling.target, "so many are only wanted for more than ten"
    assert ran.exits == [0, 0]
    assert ran.handed_back > 0, "those that went had nothing to hand back, so nothing was shown"
