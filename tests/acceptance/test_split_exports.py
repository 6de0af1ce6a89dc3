"""An export in many files: downloaded while it runs, and checked against its signed manifest by `krai verify`."""

import hashlib
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from scripts.unlimited import UNLIMITED
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_client import Json
from tests.acceptance.krai_process import ROOT
from tests.acceptance.waiting import until

pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai(UNLIMITED).start()


def test_finished_files_are_downloaded_while_the_job_runs_and_go_with_it(krai: Deployment) -> None:
    job_id = krai.krai.submit_export(dataset="users", split_rows=2)

    def shows_files() -> Json:
        job = krai.krai.job(job_id)
        return job if job["files_written"] > 20 else {}

    job = until("a job that shows its files", shows_files, within_s=60)
    assert (job["status"], len(job["files"])) == ("PROCESSING", 20)
    listed = krai.krai.http.get(f"/api/v1/jobs/{job_id}/files", params={"page_size": 30}).json()
    assert listed["total"] >= job["files_written"]
    first = listed["files"][0]
    content = krai.krai.download(first["download_url"])
    assert (len(content.splitlines()), hashlib.sha256(content).hexdigest()) == (1 + 2, first["sha256"])
    krai.krai.http.post(f"/api/v1/jobs/{job_id}/cancel")
    assert krai.krai.wait_until_finished(job_id)["status"] == "CANCELLED"
    assert krai.krai.http.get(f"/api/v1/jobs/{job_id}/files").json()["code"] == "job_cancelled"
    assert krai.krai.anonymous.get(first["download_url"]).status_code == httpx.codes.NOT_FOUND


def test_downloaded_files_are_verified_with_the_keys_of_the_deployment(krai: Deployment, tmp_path: Path) -> None:
    result = krai.krai.export(dataset="users", format="json", compression="zstd", split_rows=4000, filename="users")
    assert [file["name"] for file in result["files"]] == [f"users-0000{number}.json.zst" for number in (1, 2, 3)]
    for file in result["files"]:
        (tmp_path / file["name"]).write_bytes(krai.krai.download(file["download_url"]))
    (tmp_path / "manifest.json").write_bytes(krai.krai.download(result["manifest_url"]))
    (tmp_path / "manifest.json.jws").write_bytes(krai.krai.download(result["manifest_signature_url"]))

    command = [sys.executable, "-m", "krai", "verify", str(tmp_path / "manifest.json"), "--url", krai.api.base_url]
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "All 4 are as they should be.")

    with (tmp_path / "users-00002.json.zst").open("ab") as file:
        file.write(b"x")
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "users-00002.json.zst  wrong" in bad.stdout
