"""The work of a job, in a child."""

from krai.job import Job, Kind
from krai.transfer.drop import committed_drop, run_drop
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
            return run_drop(job, tools, reporter)


def look_up(job: Job, tools: Tools) -> Outcome | None:
    """The outcome that the dataset shows, None when the job has not committed. Nothing changes."""
    match job.type:
        case Kind.UNDO:
            return committed_undo(job, tools)
        case Kind.DROP:
            return committed_drop(job, tools)
        case _:
            return committed_import(job, tools)
