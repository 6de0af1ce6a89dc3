"""krai from Python: `Client`, and `AsyncClient` to be awaited. docs/cli.md shows it by example."""

from krai.client.faces import AsyncClient, Client
from krai.client.models import Attempt, Column, Dataset, ExportFile, Job, JobError, Key, Me, Reject, Rejects, Result, Snapshot, User
from krai.client.problem import BadFile, ClientError, FileInUse, Insecure, JobEnded, Problem, Unreachable, WaitedTooLong

__all__ = [
    "AsyncClient",
    "Attempt",
    "BadFile",
    "Client",
    "ClientError",
    "Column",
    "Dataset",
    "ExportFile",
    "FileInUse",
    "Insecure",
    "Job",
    "JobEnded",
    "JobError",
    "Key",
    "Me",
    "Problem",
    "Reject",
    "Rejects",
    "Result",
    "Snapshot",
    "Unreachable",
    "User",
    "WaitedTooLong",
]
