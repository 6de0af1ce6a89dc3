"""How the command ends: what is said of a failure, as a text or as a problem object, and the exit code it has."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from typer import TyperException

from krai.client import BadFile, ClientError, FileInUse, Insecure, JobEnded, Problem, Unreachable, WaitedTooLong

OK, ERROR, USAGE, JOB_FAILED, CREDENTIALS, REJECTS, TOO_LONG, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130


class Ended(Exception):
    """An end with an exit code of its own. `document` is all that there is to say, and None when everything was said."""

    def __init__(self, exit_code: int, document: Mapping[str, Any] | None = None) -> None:
        self.exit_code = exit_code
        self.document = document
        super().__init__(exit_code)


def failed(exit_code: int, code: str, title: str, detail: str = "", **more: Any) -> Ended:
    return Ended(exit_code, {"code": code, "title": title, "detail": detail, **more})


def no_credential() -> Ended:
    return failed(
        CREDENTIALS, "no_credential", "There is no API key for this address", "Run krai login, or set KRAI_API_KEY.", type="about:blank"
    )


def exit_code(error: BaseException) -> int:
    match error:
        case Ended():
            return error.exit_code
        case TyperException():
            return error.exit_code
        case Insecure():
            return USAGE
        case JobEnded():
            return JOB_FAILED
        case WaitedTooLong():
            return TOO_LONG
        case Problem():
            return CREDENTIALS if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} else ERROR
        case KeyboardInterrupt():
            return INTERRUPTED
    return ERROR


def document(error: BaseException) -> dict[str, Any]:
    """The problem object (RFC 9457) of a failure; the members are those that krai's own problems have, where there is something to say."""
    match error:
        case Ended():
            return dict(error.document or {})
        case Problem():
            return {"status": error.status, **error.document}
        case JobEnded():
            return {**_of_job(error), "job_id": error.job.job_id}
        case WaitedTooLong():
            return {
                "code": "waited_too_long",
                "title": "The job has not finished in time",
                "detail": str(error),
                "job_id": error.job.job_id,
            }
        case TyperException():
            return {"code": "usage", "title": "The call is not right", "detail": error.format_message()}
        case OSError():
            return {"code": "os_error", "title": error.strerror or "This machine says no", "detail": str(error.filename or "")}
        case KeyboardInterrupt():
            return {"code": "interrupted", "title": "Interrupted", "detail": ""}
    return {"code": _code(error), "title": str(error), "detail": ""}


def _of_job(ended: JobEnded) -> dict[str, Any]:
    if ended.job.error is None:
        return {"code": "job_cancelled", "title": "The job was cancelled", "detail": f"krai jobs retry {ended.job.job_id} runs it again."}
    return dict(ended.job.error.document)


def _code(error: BaseException) -> str:
    match error:
        case Unreachable():
            return "unreachable"
        case BadFile():
            return "bad_file"
        case FileInUse():
            return "file_in_use"
        case Insecure():
            return "insecure"
        case ClientError():
            return "client_error"
    return "invalid_value"


def lines(error: BaseException) -> list[str]:
    """What happened, and what to do."""
    said = document(error)
    if str(said.get("detail")).startswith("Usage:"):
        return [str(said["detail"])]  # who says nothing is shown what there is to say
    text = [f"krai: {said.get('title', '')}".rstrip(".") + "."] if said else []
    text += [str(said["detail"])] if said.get("detail") else []
    text += [f"  {one.get('pointer') or '/'}: {one.get('detail', '')}" for one in said.get("errors") or []]
    if (context := getattr(error, "ctx", None)) is not None:
        text.append(f"{context.command_path} --help says what it takes.")
    if isinstance(error, JobEnded) and error.job.error is not None:
        text.append(f"krai jobs show {error.job.job_id} has the rest; krai jobs retry {error.job.job_id} tries it again.")
    if isinstance(error, JobEnded) and said.get("code") == "too_many_rejects":
        text.append(f"krai jobs errors {error.job.job_id} shows the rejected rows.")
    if isinstance(error, WaitedTooLong):
        text.append(f"krai jobs watch {error.job.job_id} waits on.")
    if exit_code(error) == CREDENTIALS and isinstance(error, Problem):
        text.append("krai login takes another key; krai doctor says what this one may.")
    if isinstance(error, Problem) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.request_id:
        text.append(f"The request was {error.request_id}.")
    return text
