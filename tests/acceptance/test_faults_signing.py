"""Fault 14: nobody signs links. The job stays COMPLETED, and only the link answers 503. Mode embedded signs with a key of its own."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest

from tests.acceptance.deployment import NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK

pytestmark = pytest.mark.parametrize("mode", ["gcp"], scope="module")
SIGNER = "signer@krai.invalid"


class SigningService(ThreadingHTTPServer):
    """Google's service that signs for accounts; it answers `status` to everybody, and keeps who was to sign."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Sign)
        self.status = 200
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Sign(BaseHTTPRequestHandler):
    server: SigningService

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        payload = json.loads(self.rfile.read(int(self.headers["content-length"])))["payload"]
        signed = base64.b64encode(base64.b64decode(payload)[:32]).decode()
        body = json.dumps({"keyId": "1", "signedBlob": signed} if self.server.status == 200 else {"error": {}}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def service() -> Iterator[SigningService]:
    with SigningService() as service:
        yield service


@pytest.fixture(scope="module")
def house(new_krai: NewKrai, service: SigningService) -> House:
    env = {"KRAI_SIGNER_SERVICE_ACCOUNT": SIGNER, "KRAI_IAM_CREDENTIALS_URL": f"http://127.0.0.1:{service.server_port}"}
    return build(new_krai(QUICK | env), rows=1_000)


@pytest.mark.parametrize("status", [*(pytest.param(status, marks=pytest.mark.long) for status in (403, 404, 429, 500)), 503])
def test_fault_14_without_a_signature_only_the_link_is_missing(house: House, service: SigningService, status: int) -> None:
    service.status = status
    job_id = house.krai.submit_export(**EXPORT)
    assert house.krai.wait_until_finished(job_id)["status"] == "COMPLETED"
    for _ in range(2):
        answer = house.krai.http.get(f"/api/v1/jobs/{job_id}/result")
        assert (answer.status_code, answer.json()["code"]) == (503, "links_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert house.krai.job(job_id)["status"] == "COMPLETED"
    service.status = 200
    house.export_is_whole(job_id)
    assert SIGNER in service.asked[-1].replace("%40", "@")
    house.is_clean()
