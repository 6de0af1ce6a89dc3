"""`krai verify`: checks downloaded files against their manifest, offline."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from krai.cli.ending import ERROR, USAGE, Ended, failed
from krai.cli.options import AsJson
from krai.cli.output import OUTPUT

_TIMEOUT_S = 20
_MOST_BYTES = 1 << 20
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
WELL_KNOWN = "/.well-known/krai-keys.json"


def verify(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="manifest.json, as downloaded.")],
    *,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help=f"The public keys, as {WELL_KNOWN} of the deployment has them.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Fetch the keys from this deployment, such as https://krai.example.org.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", envvar="KRAI_CLI_VERIFY_DIR", metavar="FOLDER", help="Where the files are; beside the manifest unless said."),
    ] = None,
    _json: AsJson = False,
) -> None:
    """Check the files of an export against its manifest.

    Checks the signature of the manifest, which is in the file of that name with .jws after it, then size, SHA-256 and CRC-32C of every
    file, and says when the export was not complete. Ends with 0 when all is well, 1 when something is wrong or missing, 2 when the
    call is not right.
    """
    # Not at the top: cryptography is for this command alone, and takes its time.
    from krai.verify import OK, PARTIAL, check  # noqa: PLC0415

    if (keys is None) == (url is None):
        raise typer.BadParameter("Takes one of --keys and --url.", param_hint="--keys")
    try:
        known = _keys(keys.read_bytes() if keys is not None else _fetch(url or ""))
        findings = list(check(manifest, known, folder or manifest.parent))
    except (OSError, ValueError) as error:
        raise failed(USAGE, "usage", str(error)) from None
    wrong = sum(finding.state not in {OK, PARTIAL} for finding in findings)
    partial = any(finding.state == PARTIAL for finding in findings)
    _tell(findings, wrong, partial=partial)
    if wrong:
        raise Ended(ERROR)


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


def _tell(findings: Sequence[Any], wrong: int, *, partial: bool) -> None:
    OUTPUT.document([{"name": finding.name, "state": finding.state, "detail": finding.detail} for finding in findings])
    widths = [max(len(text) for text in column) for column in zip(*((finding.name, finding.state) for finding in findings), strict=True)]
    for finding in findings:
        OUTPUT.line(f"{finding.name:<{widths[0]}}  {finding.state:<{widths[1]}}  {finding.detail}".rstrip())
    total = len(findings) - partial
    told = f"{wrong} of {total} are not as they should be." if wrong else f"All {total} are as they should be."
    OUTPUT.line(f"{told} They do not have all rows of the dataset." if partial else told)
