"""Fault 20, in little: a minute of every fault at once, another one in each run.

In mode gcp, where there is more to break. `make chaos` runs for longer, and with `ARGS="--mode embedded"` in the other mode too.
"""

import random

import pytest

from tests.chaos.drive import run

pytestmark = pytest.mark.parametrize("mode", ["gcp"], scope="module")
LASTS_S = 45
FEWEST_JOBS = 40


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("emulators")  # skips where they are not installed; the run starts some of its own, to break them
def test_no_job_is_lost_doubled_or_stuck_under_every_fault_at_once(mode: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    replay = f"replay with: python -m tests.chaos --minutes {LASTS_S / 60:g} --mode {mode} --seed {seed}"
    print(replay)
    done = run(seed=seed, lasts_s=LASTS_S, mode=mode)
    found = "\n".join(f"{violation.rule} {violation.job_id or ''} {violation.text}" for violation in done.violations)
    assert not done.violations, f"{done.verdict}; {replay}\nlogs and stores are in {done.kept}\n{found}"
    assert len(done.jobs) >= FEWEST_JOBS, f"faults starved the work: {len(done.jobs)} jobs; {replay}"
