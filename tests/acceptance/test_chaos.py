"""Fault 20, in little: half a minute of every fault at once, another one in each run.

`make chaos` runs for longer, in mode gcp, where there is more to break, or with `ARGS="--mode embedded"` in the other.
"""

import random

import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE
from tests.chaos.drive import run

pytestmark = EMBEDDED_IN_THE_GATE
LASTS_S = 30
FEWEST_JOBS = 25


@pytest.mark.timeout(600)
def test_no_job_is_lost_doubled_or_stuck_under_every_fault_at_once(mode: str, request: pytest.FixtureRequest) -> None:
    if mode == "gcp":
        request.getfixturevalue("emulators")  # skips where they are not installed; the run starts some of its own, to break them
    seed = random.SystemRandom().randrange(10**6)
    replay = f"replay with: python -m tests.chaos --minutes {LASTS_S / 60:g} --mode {mode} --seed {seed}"
    print(replay)
    done = run(seed=seed, lasts_s=LASTS_S, mode=mode)
    found = "\n".join(f"{violation.rule} {violation.job_id or ''} {violation.text}" for violation in done.violations)
    assert not done.violations, f"{done.verdict}; {replay}\nlogs and stores are in {done.kept}\n{found}"
    assert len(done.jobs) >= FEWEST_JOBS, f"faults starved the work: {len(done.jobs)} jobs; {replay}"
