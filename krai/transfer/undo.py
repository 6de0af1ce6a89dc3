"""An undo: what an import has done to its dataset is taken back."""

from krai import failpoint
from krai.job import Job, Stage
from krai.transfer.meter import Meter
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.warehouse.port import Committed, Undo


def run_undo(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal nothing_to_undo, undo_conflict, dataset_not_found. The same job run again takes effect once."""
    return committed_undo(job, tools) or _undo(job, tools, reporter)


def committed_undo(job: Job, tools: Tools) -> Outcome | None:
    """What came of the undo when it has committed already."""
    committed = tools.warehouse.find_commit(job.dataset, job.job_id)
    return None if committed is None else _outcome(job, committed)


def _undo(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    Meter(reporter).say(Stage.COMMITTING, 1)
    reporter.may_commit()
    failpoint.reach("before_commit")
    undo = Undo(job_id=job.job_id, epoch=job.epoch, undone_job_id=job.params["job_id"], scratch=tools.spool)
    committed = tools.warehouse.undo(job.dataset, undo)
    failpoint.reach("after_commit")
    return _outcome(job, committed)


def _outcome(job: Job, committed: Committed) -> Outcome:
    counts = committed.counts
    result = {
        "records_removed": counts.removed,
        "records_restored": counts.restored,
        "records_kept": counts.kept,
        "snapshot_id": committed.snapshot_id,
    }
    return Outcome(result=result, dataset=committed.noted(job.job_id, "undo"))
