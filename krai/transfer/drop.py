"""A drop: the dataset that was there when somebody asked for it is removed, and none that has come after it."""

from krai import failpoint
from krai.job import Job, Stage
from krai.transfer.meter import Meter
from krai.transfer.tools import Outcome, Reporter, Tools


def run_drop(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """The same job run again takes effect once: `params` name a snapshot, and no other dataset of that name has it in its history."""
    seen = job.params["snapshot_id"]
    if tools.warehouse.holds(job.dataset, seen):
        Meter(reporter).say(Stage.COMMITTING, 1)
        reporter.may_commit()
        failpoint.reach("before_commit")
    newest = tools.warehouse.drop(job.dataset, seen)  # also where there is nothing to drop: an earlier attempt may have left something
    failpoint.reach("after_commit")
    return Outcome(result={}, dropped=newest or seen)


def committed_drop(job: Job, tools: Tools) -> Outcome | None:
    """What came of the drop when the dataset is gone already."""
    seen = job.params["snapshot_id"]
    return None if tools.warehouse.holds(job.dataset, seen) else Outcome(result={}, dropped=seen)
