"""terraform/, as Terraform itself judges it: with providers that know what Google takes and make nothing."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from krai.settings import Settings
from scripts import provider_schemas, provision
from scripts.emulators import Missing
from scripts.terraform import FOLDER, PROVIDERS, Terraform, ready

VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r'^output "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def terraform() -> Iterator[Terraform]:
    """A missing part skips on a laptop and fails where CI=true."""
    try:
        with ready() as one:
            yield one
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def written(pattern: str) -> str:
    return "\n".join(file.read_text() for file in sorted(FOLDER.glob(pattern)))


def test_the_files_are_formatted(terraform: Terraform) -> None:
    done = terraform.run("fmt", "-check", "-diff", "-recursive")
    assert (done.returncode, done.stdout) == (0, "")


def test_every_resource_and_argument_is_one_the_providers_know(terraform: Terraform) -> None:
    done = terraform.run("validate")
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_own_tests_pass(terraform: Terraform) -> None:
    done = terraform.run("test")
    told = re.search(r"Success! (\d+) passed, 0 failed\.", done.stdout)
    assert told is not None, done.stdout + done.stderr
    assert int(told[1]) == sum(file.read_text().count('\nrun "') for file in FOLDER.glob("tests/*.tftest.hcl"))


# What is written otherwise, and what Terraform says of it. Those of a row are found at once: none hides another.
MISTAKES = {
    "google": (
        (
            "pubsub.tf",
            "  ack_deadline_seconds       = 30",
            "  ack_deadline_second = 30",
            'named "ack_deadline_second" is not expected here',
        ),
        ("pubsub.tf", "  dead_letter_policy {", "  dead_letter_polcy {", 'of type "dead_letter_polcy" are not expected here'),
        ("pubsub.tf", "  topic  = google_pubsub_topic.dead.id\n  labels", "  labels", 'The argument "topic" is required'),
        (
            "firestore.tf",
            '"google_firestore_backup_schedule"',
            '"google_firestore_backups"',
            'does not support resource type "google_firestore_backups"',
        ),
        ("bucket.tf", "  uniform_bucket_level_access = true", '  uniform_bucket_level_access = "yes"', "a bool is required"),
        ("cluster.tf", "      enable_secure_boot          = true", "      secure_boot = true", 'named "secure_boot" is not expected here'),
        ("outputs.tf", "google_service_account.api.email", "google_service_account.api.mail", 'exported attribute named "mail"'),
        (
            "secrets.tf",
            "  secret_data_wo         = lookup(var.secrets",
            "  secret_data = lookup(var.secrets",
            'Ephemeral values are not valid for "secret_data"',
        ),
    ),
    "helm": (("argocd.tf", "  cleanup_on_fail = true", "  cleanup_on_failure = true", 'named "cleanup_on_failure" is not expected here'),),
    "provider": (("versions.tf", "  region  = var.region", "  regoin = var.region", 'named "regoin" is not expected here'),),
}


@pytest.mark.parametrize("mistakes", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found(mistakes: tuple[tuple[str, str, str, str], ...], tmp_path: Path, terraform: Terraform) -> None:
    folder = tmp_path / "terraform"
    shutil.copytree(terraform.folder, folder, ignore=shutil.ignore_patterns("tests", "policies"))
    for name, right, wrong, _ in mistakes:
        text = (folder / name).read_text()
        assert right in text
        (folder / name).write_text(text.replace(right, wrong, 1))
    with ready(folder) as mistaken:
        done = mistaken.run("validate", "-json")
    found = [one["detail"] for one in json.loads(done.stdout)["diagnostics"]]
    assert [words for *_, words in mistakes if not any(words in detail for detail in found)] == []


def test_the_schemas_are_of_the_versions_that_are_asked_for() -> None:
    if not provider_schemas.is_installed() and os.environ.get("CI") != "true":
        pytest.skip("python -m scripts.provider_schemas")
    asked = dict(re.findall(r'source  = "hashicorp/(\w+)"\n\s+version = "~> ([\d.]+)"', written("versions.tf")))
    assert asked == {provider: provider_schemas.schemas(provider, (), ())["version"] for provider in PROVIDERS}


def test_no_token_comes_into_the_state() -> None:
    # Whatever a data source reads is kept there, and pull requests may read it.
    assert "google_client_config" not in written("*.tf")
    assert 'command     = "gke-gcloud-auth-plugin"' in written("versions.tf")


def test_roles_are_made_once_their_service_is_there() -> None:
    roles = re.findall(r'^resource "google_project_iam_custom_role" "(\w+)" \{\n(.*?)^\}', written("*.tf"), re.MULTILINE | re.DOTALL)
    assert len(roles) > 2
    assert [name for name, body in roles if "  depends_on = [google_project_service.this]" not in body] == []


def test_a_disk_that_has_grown_is_left_as_it_is() -> None:
    # A smaller one would be a new disk, with a new database on it.
    assert "    disk_autoresize             = true" in written("sql.tf")
    assert "    ignore_changes = [settings[0].disk_size]" in written("sql.tf")


def test_the_emulators_and_the_cloud_have_the_same_queue() -> None:
    text = written("pubsub.tf")
    names = re.findall(r'^  name   = "([\w-]+)"$', text, re.MULTILINE)
    assert names == [provision.TOPIC, provision.DEAD, provision.SUBSCRIPTION, f"{provision.DEAD}-sub"]
    assert set(re.findall(r"ack_deadline_seconds += (\d+)", text)) == {str(provision.ACK_DEADLINE_S)}
    assert re.findall(r"max_delivery_attempts += (\d+)", text) == [str(provision.DELIVERIES)]


def test_a_message_is_leased_for_as_long_as_a_job() -> None:
    # Else each message that is taken costs a call more.
    assert Settings.model_fields["lease_s"].default == provision.ACK_DEADLINE_S


def test_variables_and_outputs_say_what_they_are_for() -> None:
    told = {
        name: body
        for file in FOLDER.glob("*.tf")
        for name, body in (*VARIABLE.findall(file.read_text()), *OUTPUT.findall(file.read_text()))
    }
    assert [name for name, body in told.items() if "  description = " not in body] == []


def test_a_choice_is_checked() -> None:
    # All but those that take whatever Google takes.
    free = {
        "deletion_protection",
        "binary_authorization_enforced",
        "operator_images",
        "firestore_location",
        "bucket_name",
        "source_buckets",
    }
    free |= {"sql_tier", "sql_password", "sql_password_version", "secrets", "github_environment", "github_plan_environment", "state_bucket"}
    free |= {"revision", "image_tag", "notification_channels"}
    assert {name for name, body in VARIABLE.findall(written("variables*.tf")) if "validation {" not in body} == free


def test_the_example_names_variables_that_there_are() -> None:
    there = {name for name, _ in VARIABLE.findall(written("variables*.tf"))}
    named = set(re.findall(r"^(?:# )?(\w+) += ", written("terraform.tfvars.example"), re.MULTILINE))
    assert named <= there
    required = {name for name, body in VARIABLE.findall(written("variables*.tf")) if "  default" not in body}
    assert required == set(re.findall(r"^(\w+) += ", written("terraform.tfvars.example"), re.MULTILINE))
