"""checkov has nothing to say of Terraform, Dockerfiles and workflows that has not its reason beside it; and would say it."""

import os
import shutil

import pytest

from scripts.checkov import Finding, Report, look_over
from scripts.emulators import Missing
from tests.guard.source import ROOT

BAD = "bad"  # the folder with what is to be found
WORDS = 6  # a reason has more

# What checkov's own checks and those of terraform/policies are to find.
BAD_TERRAFORM = """
resource "google_firestore_database" "forgetful" {
  name        = "forgetful"
  location_id = "eur3"
  type        = "FIRESTORE_NATIVE"
}

resource "google_secret_manager_secret" "anywhere" {
  secret_id = "anywhere"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "plain" {
  secret      = "anywhere"
  secret_data = var.value
}

resource "google_pubsub_subscription" "bare" {
  name  = "bare"
  topic = "jobs"
}

resource "google_pubsub_subscription" "passing" {
  name  = "passing"
  topic = "jobs"
  expiration_policy {
    ttl = "2678400s"
  }
}

resource "google_storage_bucket" "open" {
  name     = "open"
  location = "EU"
}
"""
FOUND = {
    ("KRAI_1", "google_firestore_database.forgetful"),
    ("KRAI_2", "google_firestore_database.forgetful"),
    ("KRAI_3", "google_secret_manager_secret.anywhere"),
    ("KRAI_4", "google_secret_manager_secret_version.plain"),
    ("KRAI_5", "google_pubsub_subscription.bare"),
    ("KRAI_5", "google_pubsub_subscription.passing"),
    ("KRAI_6", "google_pubsub_subscription.bare"),
    ("KRAI_7", "google_pubsub_subscription.bare"),
    ("CKV_GCP_29", "google_storage_bucket.open"),  # uniform access
    ("CKV_GCP_114", "google_storage_bucket.open"),  # public access prevention
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of everything at once, for most of the time goes into checkov's start. Missing, it is as with the emulators."""
    folder = tmp_path_factory.mktemp("checkov")
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=shutil.ignore_patterns("tests", ".terraform"))
    shutil.copytree(ROOT / ".github", folder / ".github")
    for name in ("Dockerfile", "frontend/Dockerfile"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / BAD).mkdir()
    (folder / BAD / "main.tf").write_text(BAD_TERRAFORM)
    try:
        return look_over(folder)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def is_bad(finding: Finding) -> bool:
    return finding.file.startswith(f"{BAD}/")


def test_everything_was_read(report: Report) -> None:
    assert report.unreadable == []
    assert report.passed > 250


def test_nothing_is_found(report: Report) -> None:
    assert [finding for finding in report.failed if not is_bad(finding)] == []


def test_what_may_stay_has_its_reason(report: Report) -> None:
    assert [finding for finding in report.skipped if len(finding.reason.split()) < WORDS] == []


def test_what_is_bad_is_found(report: Report) -> None:
    found = {(finding.check, finding.resource) for finding in report.failed if is_bad(finding)}
    assert found >= FOUND


def test_every_check_of_krais_own_has_found_something() -> None:
    own = {
        line.split()[1]
        for file in (ROOT / "terraform" / "policies").glob("*.yaml")
        for line in file.read_text().splitlines()
        if line.startswith("  id: ")
    }
    assert own == {check for check, _ in FOUND if check.startswith("KRAI_")}
