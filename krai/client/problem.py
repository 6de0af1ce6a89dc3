"""What can go wrong between a client and krai.

ClientError
├── Problem        krai has answered, and refuses (RFC 9457)
├── Unreachable    nobody has answered, for as long as it was tried
├── JobEnded       the job is FAILED or CANCELLED
├── WaitedTooLong  the job has not finished in the time it was given; it goes on
├── BadFile        a file is not what it should be, here or there
├── FileInUse      another download writes to the same place
└── Insecure       the address would show the key, or the file, to others
"""

from collections.abc import Mapping
from typing import Any

from krai.client.models import Job


class ClientError(Exception):
    """The text says what happened and what to do; it never has a credential or a signed link in it."""


class Problem(ClientError):
    """An answer that says no. `errors` are of fields, each with `pointer`, `code` and `detail`; `retry_after_s` when krai has said it."""

    def __init__(self, document: Mapping[str, Any], status: int, retry_after_s: float | None = None) -> None:
        self.document = dict(document)
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = str(document.get("code", "unknown"))
        self.title = str(document.get("title", f"The answer was {status}"))
        self.detail = str(document.get("detail", ""))
        self.request_id = str(document.get("request_id", ""))
        self.errors: list[dict[str, str]] = [dict(error) for error in document.get("errors") or []]
        super().__init__(self.title, self.detail)

    def __str__(self) -> str:
        fields = "".join(f"\n  {error.get('pointer') or '/'}: {error.get('detail', '')}" for error in self.errors)
        return f"{self.title}. {self.detail}".rstrip() + fields


class Unreachable(ClientError):
    pass


class Insecure(ClientError):
    pass


class BadFile(ClientError):
    pass


class FileInUse(ClientError):
    pass


class JobEnded(ClientError):
    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(job.job_id)

    def __str__(self) -> str:
        if self.job.error is None:
            return "The job was cancelled."
        return f"The job failed. {self.job.error.title}. {self.job.error.detail}"


class WaitedTooLong(ClientError):
    def __init__(self, job: Job, timeout_s: float) -> None:
        self.job = job
        super().__init__(f"The job has not finished within {timeout_s:g} s. It goes on.")
