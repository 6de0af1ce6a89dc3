"""Terraform on this machine alone: no registry, no cloud, no state.

`python -m scripts.terraform` checks how terraform/ is written, whether it is valid, and runs its own tests; the providers are those of
`scripts.provider_server`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts import provider_schemas, provider_server
from scripts.emulators import ROOT, Missing

FOLDER = ROOT / "terraform"
PROVIDERS = ("google", "helm")
KINDS = {"resource": re.compile(r'^resource "((\w+?)_\w+)"', re.MULTILINE), "data": re.compile(r'^data "((\w+?)_\w+)"', re.MULTILINE)}
WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Terraform:
    """The command, in one folder of files, with providers that know their schemas."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        name, *rest = arguments
        command = [_binary(), f"-chdir={self.folder}", name, "-no-color", *rest]
        return subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True, timeout=WITHIN_S)


@contextmanager
def ready(folder: Path = FOLDER) -> Iterator[Terraform]:
    """Terraform, initialised for `folder`. Raises Missing; where CI=true the providers' schemas are fetched first."""
    _binary()
    if os.environ.get("CI") == "true":
        provider_schemas.install()
    if not provider_schemas.is_installed():
        raise Missing("the schemas of Terraform's providers are not installed: python -m scripts.provider_schemas")
    used = {
        kind: [match.groups() for file in sorted(folder.glob("*.tf")) for match in words.finditer(file.read_text())]
        for kind, words in KINDS.items()
    }
    schemas = {
        provider: provider_schemas.schemas(provider, *(sorted({name for name, of in used[kind] if of == provider}) for kind in KINDS))
        for provider in PROVIDERS
    }
    # A socket's name has 107 characters at most, which a test's own folder may use up.
    with tempfile.TemporaryDirectory() as own, provider_server.serving(schemas, Path(own)) as found:
        told = {"TF_CLI_CONFIG_FILE": os.devnull, "TF_DATA_DIR": f"{own}/data", "CHECKPOINT_DISABLE": "1"}
        terraform = Terraform(folder, os.environ | told | found)
        begun = terraform.run("init", "-backend=false", "-input=false")
        if begun.returncode != 0:
            raise RuntimeError(begun.stderr)
        yield terraform


def _binary() -> str:
    found = shutil.which("terraform")
    if found is None:
        raise Missing("terraform is not installed: version 1.11 or newer, see https://developer.hashicorp.com/terraform/install")
    return found


def main() -> int:
    try:
        with ready() as terraform:
            for arguments in (("fmt", "-check", "-diff", "-recursive"), ("validate",), ("test",)):
                done = terraform.run(*arguments)
                print(done.stdout + done.stderr)
                if done.returncode != 0:
                    return done.returncode
    except Missing as missing:
        sys.exit(str(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
