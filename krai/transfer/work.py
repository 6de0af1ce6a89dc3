"""The work of a job, in a child."""

from krai.job import Job, Kind
from krai.transfer.exports import run_export
from krai.transfer.imports import committed_import, run_import
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.transfer.undo import committed_undo, run_undo


def run(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal, Transient and Superseded. A job that is run again gives the outcome it has given, or would have."""
    match job.type:
        case Kind.EXPORT:
            return run_export(job, tools, reporter)
        case Kind.IMPORT:
            return run_import(job, tools, reporter)
        case Kind.UNDO:
            return run_undo(job, tools, reporter)
        case Kind.DROP:
            tools.warehouse.drop(job.dataset)
            return Outcome(result={}, dropped=True)


def look_up(job: Job, tools: Tools) -> Outcome | None:
    """The outcome that stands in the dataset's history, None when the job has not committed. Nothing changes."""
    return committed_undo(job, tools) if job.type is Kind.UNDO else committed_import(job, tools)
