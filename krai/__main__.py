"""`python -m krai verify`: checks downloaded files against their manifest, offline. Exit codes: 0 ok, 1 something is wrong, 2 usage."""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from krai.verify import OK, Finding, check

_TIMEOUT_S = 20
_MOST_BYTES = 1 << 20
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
WELL_KNOWN = "/.well-known/krai-keys.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="krai", description="What krai does beside its server.")
    verify = parser.add_subparsers(required=True).add_parser(
        "verify",
        help="check the files of an export against its manifest",
        description="Checks the signature of the manifest, which is in the file of that name with .jws after it, then size, SHA-256 and"
        " CRC-32C of every file. Exit codes: 0 all is well, 1 something is wrong or missing, 2 the call is not right.",
    )
    verify.add_argument("manifest", type=Path, help="manifest.json, as downloaded")
    keys = verify.add_mutually_exclusive_group(required=True)
    keys.add_argument("--keys", type=Path, metavar="FILE", help=f"the public keys, as {WELL_KNOWN} of the deployment has them")
    keys.add_argument("--url", help="fetch the keys from this deployment, such as https://krai.example.org")
    verify.add_argument("--dir", type=Path, metavar="FOLDER", help="where the files are; the folder of the manifest when left out")
    asked = parser.parse_args(arguments)
    try:
        known = _keys(asked.keys.read_bytes() if asked.keys else _fetch(asked.url))
        findings = list(check(asked.manifest, known, asked.dir or asked.manifest.parent))
    except (OSError, ValueError) as error:
        parser.exit(2, f"krai: {error}\n")
    _print(findings)
    return 0 if all(finding.state == OK for finding in findings) else 1


def _keys(content: bytes) -> list[dict[str, Any]]:
    try:
        return [dict(key) for key in json.loads(content)["keys"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError("the keys are no JSON Web Key Set (RFC 7517)") from None


def _fetch(url: str) -> bytes:
    where = url.rstrip("/") + WELL_KNOWN
    _demand_safe(where)
    try:
        with urllib.request.urlopen(where, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - of a scheme that was checked
            _demand_safe(answer.url)
            content: bytes = answer.read(_MOST_BYTES)
            return content
    except urllib.error.HTTPError as refused:
        refused.close()
        raise OSError(f"{where} answers {refused.code}") from None


def _demand_safe(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))):
        raise ValueError("--url takes https://…; http:// is for this machine only")


def _print(findings: Sequence[Finding]) -> None:
    widths = [max(len(text) for text in column) for column in zip(*((finding.name, finding.state) for finding in findings), strict=True)]
    for finding in findings:
        sys.stdout.write(f"{finding.name:<{widths[0]}}  {finding.state:<{widths[1]}}  {finding.detail}".rstrip() + "\n")
    wrong = sum(finding.state != OK for finding in findings)
    total = len(findings)
    sys.stdout.write(f"{wrong} of {total} are not as they should be.\n" if wrong else f"All {total} are as they should be.\n")


if __name__ == "__main__":
    sys.exit(main())
