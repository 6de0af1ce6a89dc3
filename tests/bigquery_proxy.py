"""In front of the double of BigQuery, where it is less than BigQuery.

- A job whose id was there before is refused with 409 (the double would run it again).
- A job that loads an upload has the id that the upload began with (the double gives it another).
- Addresses gs://… lead to a double of Cloud Storage (the double of BigQuery takes them for paths of a folder).
- A view has its query (the double does not tell it), and one statement adds several columns (the double takes a statement for each).
- A query that fails is answered with its error's status (`jobs.query` of the double says 200, and no client looks at the error).
"""

import http.client
import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body

_JOB_ID = re.compile(rb'"jobId": *"([^"]+)"')
_VIEW = re.compile(rb'"query": *"CREATE OR REPLACE VIEW `([^`]+)` AS ([^"]*)"')
_ADDS = re.compile(rb"ALTER TABLE (`[^`]+`) ADD COLUMN [^;\"]*")
_PROJECT = re.compile(r"/projects/([^/]+)/")
_FROM = re.compile(rb'"sourceUris": *\["gs://([^"/]+)/([^"]+)"\]')
_TO = re.compile(rb"EXPORT DATA OPTIONS \(uri = 'gs://([^'/]+)/([^'*]+)\*")
_JSON = {"content-type": "application/json"}
_STATUS = {"notFound": HTTPStatus.NOT_FOUND, "duplicate": HTTPStatus.CONFLICT}
_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


class BigQueryProxy:
    """`refused` are the ids of jobs that came a second time, `begun` those that were let through, in their order.

    The next `aborted` transactions fail as if others had been faster, and change nothing. `storage` is the URL of Cloud Storage,
    `folder` where the double looks for its files, and `moved` are those that went from one to the other.
    """

    def __init__(self, target: str, folder: Path) -> None:
        self.begun: list[str] = []
        self.refused: list[str] = []
        self.aborted = 0
        self.storage: str | None = None
        self.folder = folder
        self.moved: list[str] = []
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()  # project and job
        self._uploads: dict[str, str] = {}
        self.loaded: dict[str, bytes] = {}  # by the path of the job
        self.views: dict[str, str] = {}  # their queries, by the path of the table
        self._server = _Server(self, target)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def begins(self, project: str, job_id: str) -> bool:
        """Whether a job of this id may begin: the first one of its project."""
        with self._lock:
            first = (project, job_id) not in self._known
            self._known.add((project, job_id))
            (self.begun if first else self.refused).append(job_id)
            return first

    def take_back(self, project: str, job_id: str) -> None:
        """BigQuery did not take the job."""
        with self._lock:
            self._known.remove((project, job_id))
            self.begun.remove(job_id)

    def aborts(self) -> bool:
        with self._lock:
            self.aborted -= 1
            return self.aborted >= 0

    def upload(self, path: str, job_id: str | None = None) -> str | None:
        """The job that an upload is for; named when the upload begins."""
        with self._lock:
            return self._uploads.get(path) if job_id is None else self._uploads.setdefault(path, job_id)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: BigQueryProxy, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy
        self.target = target


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: two would each wait for the other's acknowledgement

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True  # a client that was killed

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 (its name there)
        pass

    def pass_on(self) -> None:
        body = _one_by_one(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        path = self.path.partition("?")[0]
        proxy = self.server.proxy
        job_id = self._job_id(path, body)
        if self.command == "GET" and (loaded := proxy.loaded.get(path)):
            self._answer(HTTPStatus.OK, _JSON, loaded)
        elif job_id is not None and not proxy.begins(_project(path), job_id):
            self._answer(HTTPStatus.CONFLICT, _JSON, _refusal(job_id))
        elif job_id is not None and b"BEGIN TRANSACTION" in body and proxy.aborts():
            self._answer(HTTPStatus.OK, _JSON, _aborted(job_id))
        else:
            if job_id is not None and (source := _FROM.search(body)):
                self._fetch(source[1].decode(), source[2].decode())
            answer = self._ask(body)
            if job_id is not None and (target := _TO.search(body)):
                self._store(target[1].decode(), target[2].decode())
            self._answer(*self._corrected(path, body, job_id, answer))

    def _corrected(self, path: str, body: bytes, job_id: str | None, answer: Answer) -> Answer:
        status, headers, content = answer
        proxy = self.server.proxy
        if job_id is not None and status >= HTTPStatus.BAD_REQUEST:
            proxy.take_back(_project(path), job_id)
        elif job_id is not None and self.command == "PUT":
            content = json.dumps(json.loads(content) | {"jobReference": _reference(job_id)}).encode()
            proxy.loaded[f"{path.removeprefix('/upload')}/{job_id}"] = content
        elif "location" in headers and (named := _JOB_ID.search(body)):
            proxy.upload(_upload_id(headers["location"]), named[1].decode())
        elif job_id is not None and (shown := _VIEW.search(body)):
            proxy.views["/bigquery/v2/projects/{}/datasets/{}/tables/{}".format(*shown[1].decode().split("."))] = shown[2].decode()
        elif self.command == "GET" and status == HTTPStatus.OK and path in proxy.views:
            content = json.dumps(json.loads(content) | {"view": {"query": proxy.views[path], "useLegacySql": False}}).encode()
        elif path.endswith("/queries"):
            status, content = _failed(status, content)
        return status, headers, content

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = pass_on  # noqa: N815 (their names there)

    def _job_id(self, path: str, body: bytes) -> str | None:
        """Of a request that begins a job: one that names it, or that ends its upload."""
        if self.command == "PUT":
            return self.server.proxy.upload(_upload_id(self.path))
        if self.command == "POST" and path.endswith("/jobs") and "uploadType=resumable" not in self.path:
            named = _JOB_ID.search(body)
            return named[1].decode() if named else None
        return None

    def _ask(self, body: bytes) -> Answer:
        line = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            line.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            answer = line.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            line.close()

    def _fetch(self, bucket: str, name: str) -> None:
        answer = httpx.get(f"{self.server.proxy.storage}/storage/v1/b/{bucket}/o/{quote(name, safe='')}", params={"alt": "media"})
        if answer.status_code == HTTPStatus.OK:
            path = self.server.proxy.folder / bucket / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer.content)
            self.server.proxy.moved.append(f"{bucket}/{name}")

    def _store(self, bucket: str, prefix: str) -> None:
        proxy = self.server.proxy
        for path in sorted((proxy.folder / bucket / prefix).glob("*")):
            upload = {"uploadType": "media", "name": prefix + path.name}
            httpx.post(f"{proxy.storage}/upload/storage/v1/b/{bucket}/o", params=upload, content=path.read_bytes()).raise_for_status()
            path.unlink()
            proxy.moved.append(f"{bucket}/{prefix}{path.name}")

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _one_by_one(body: bytes) -> bytes:
    """A statement that adds columns as one for each of them."""
    return _ADDS.sub(lambda found: found[0].replace(b", ADD COLUMN ", rb";\nALTER TABLE " + found[1] + b" ADD COLUMN "), body)


def _failed(status: int, content: bytes) -> tuple[int, bytes]:
    """The answer to a query as BigQuery gives it when the query failed."""
    if status != HTTPStatus.OK or b'"errors":[{' not in content or (errors := json.loads(content).get("errors")) is None:
        return status, content
    code = _STATUS.get(errors[0]["reason"], HTTPStatus.BAD_REQUEST)
    return code, json.dumps({"error": {"code": code, "message": errors[0]["message"], "errors": errors}}).encode()


def _aborted(job_id: str) -> bytes:
    """A job that BigQuery has rolled back."""
    error = {"reason": "invalidQuery", "location": "query", "message": "Transaction is aborted due to concurrent update against table x"}
    status = {"state": "DONE", "errorResult": error, "errors": [error]}
    return json.dumps({"jobReference": _reference(job_id), "status": status, "configuration": {"query": {}}}).encode()


def _refusal(job_id: str) -> bytes:
    message = f"Already Exists: Job {job_id}"
    return json.dumps({"error": {"code": 409, "message": message, "errors": [{"reason": "duplicate", "message": message}]}}).encode()


def _reference(job_id: str) -> dict[str, str]:
    return {"projectId": "any", "jobId": job_id, "location": "US"}


def _project(path: str) -> str:
    found = _PROJECT.search(path)
    return found[1] if found else ""


def _upload_id(address: str) -> str:
    return address.partition("upload_id=")[2].partition("&")[0]
