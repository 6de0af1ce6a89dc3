"""A client of krai as anybody would write one from the contract: httpx, and waits that have names."""

import time
from pathlib import Path
from typing import Any, Self

import httpx

DEMO_KEY = "demo-key-change-me"
FINISHED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})
ASK_AGAIN_S = 5
LOOK_AGAIN_S = 0.02

Json = dict[str, Any]


class KraiClient:
    """Talks to one krai as the owner of `api_key`; `seen` keeps every finished job it met, by id."""

    def __init__(self, base_url: str, api_key: str = DEMO_KEY) -> None:
        self.http = httpx.Client(base_url=base_url, headers={"x-api-key": api_key}, timeout=60)
        self.anonymous = httpx.Client(base_url=base_url, timeout=60)
        self.seen: dict[str, Json] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()
        self.anonymous.close()

    # -- jobs -------------------------------------------------------------------------------------------------------------

    def submit(self, noun: str, request: Json, *, key: str | None = None) -> str:
        """POST to `exports` or `imports`; the id of the accepted job."""
        answer = self.http.post(f"/api/v1/{noun}", json=request, headers={"Idempotency-Key": key} if key else {})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["job_id"])

    def submit_export(self, **request: Any) -> str:
        return self.submit("exports", request)

    def submit_import(self, **request: Any) -> str:
        return self.submit("imports", request)

    def export(self, *, within_s: float = 60, **request: Any) -> Json:
        """Export, wait, and return the result of the completed job."""
        return self.result_of(self.submit_export(**request), within_s=within_s)

    def import_(self, *, within_s: float = 60, **request: Any) -> Json:
        """Import, wait, and return the result of the completed job."""
        return self.result_of(self.submit_import(**request), within_s=within_s)

    def job(self, job_id: str, **headers: str) -> Json:
        answer = self.http.get(f"/api/v1/jobs/{job_id}", headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text
        job: Json = answer.json()
        if job["status"] in FINISHED:
            self.seen[job_id] = job
        return job

    def wait_until_finished(self, job_id: str, *, within_s: float = 60) -> Json:
        """The job in its terminal state, whichever that is."""
        deadline = time.monotonic() + within_s
        job = self.job(job_id)
        while job["status"] not in FINISHED:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"not finished within {within_s:g} s: {job}"
            job = self.job(job_id, Prefer=f"wait={max(1, min(ASK_AGAIN_S, int(left_s)))}")
        return job

    def wait_until_attempt(self, job_id: str, attempt: int, *, within_s: float = 45) -> Json:
        """The job once it runs its attempt number `attempt`, or a later one, or has finished."""
        deadline = time.monotonic() + within_s
        while True:
            job = self.job(job_id)
            if job["status"] in FINISHED or (job["status"] == "PROCESSING" and job["attempt"] >= attempt):
                return job
            assert time.monotonic() < deadline, f"no attempt {attempt} within {within_s:g} s: {job}"
            time.sleep(LOOK_AGAIN_S)

    def result_of(self, job_id: str, *, within_s: float = 60) -> Json:
        """The result of a job that must complete."""
        job = self.wait_until_finished(job_id, within_s=within_s)
        assert job["status"] == "COMPLETED", job
        return self.result(job_id)

    def result(self, job_id: str) -> Json:
        answer = self.http.get(f"/api/v1/jobs/{job_id}/result")
        assert answer.status_code == httpx.codes.OK, answer.text
        result: Json = answer.json()
        return result

    # -- files ------------------------------------------------------------------------------------------------------------

    def download(self, url: str) -> bytes:
        """The content behind a link of a result, fetched without a credential."""
        answer = self.anonymous.get(url)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.content

    def files(self, result: Json) -> list[bytes]:
        """The content of every file of an export, in order."""
        return [self.download(file["download_url"]) for file in result["files"]]

    def upload(self, content: bytes | Path) -> str:
        """Send a file in one PUT; the id of the upload."""
        opened = self.http.post("/api/v1/uploads", json={})
        assert opened.status_code == httpx.codes.CREATED, opened.text
        session = opened.json()
        body = content.open("rb") if isinstance(content, Path) else content
        sent = self.anonymous.request(session["method"], session["upload_url"], headers=session["headers"], content=body)
        assert sent.status_code in {httpx.codes.OK, httpx.codes.CREATED}, sent.text
        return str(session["upload_id"])

    # -- datasets ---------------------------------------------------------------------------------------------------------

    def dataset(self, name: str) -> Json:
        answer = self.http.get(f"/api/v1/datasets/{name}")
        assert answer.status_code == httpx.codes.OK, answer.text
        dataset: Json = answer.json()
        return dataset
