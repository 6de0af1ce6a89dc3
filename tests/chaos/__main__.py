"""`python -m tests.chaos`: krai under every fault at once, for some minutes. Exit code 1 when anything did not hold."""

import argparse
import random
import sys

from tests.chaos import figures
from tests.chaos.drive import run
from tests.chaos.ground import GROUNDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long faults happen (default: 10)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="replays a run's plan")
    parser.add_argument("--mode", choices=sorted(GROUNDS), default="gcp", help="gcp: on Google's emulators (default)")
    parser.add_argument("--rarer", type=float, default=1, help="how many times as seldom faults happen (default: 1)")
    parser.add_argument("--keep", action="store_true", help="keep logs and stores also when everything held")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}: {chosen.minutes:g} minutes in mode {chosen.mode}", flush=True)
    done = run(seed=chosen.seed, lasts_s=chosen.minutes * 60, mode=chosen.mode, rarer=chosen.rarer, keeps=chosen.keep)
    figures.table(done.figures())
    for violation in done.violations[:50]:
        print(f"{violation.rule} {violation.job_id or ''} {violation.text}")
    if done.kept:
        print(f"Logs, stores and the documents of the jobs are in {done.kept}")
    print(f"{done.verdict}; replay with: python -m tests.chaos --minutes {chosen.minutes:g} --mode {chosen.mode} --seed {done.seed}")
    return 1 if done.violations else 0


if __name__ == "__main__":
    sys.exit(main())
