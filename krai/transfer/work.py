"""The work of a job, in a child."""

from krai.job import Job, Kind
from krai.transfer.exports import run_export
from krai.transfer.imports import run_import
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.transfer.undo import run_undo


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
