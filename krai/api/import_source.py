"""Where an import's file comes from, as a request says it."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from krai import gs_uri, submit
from krai.api.fields import UNPRINTABLE_CHARACTERS, Body, Text
from krai.api.intake import Intake
from krai.errors import Terminal
from krai.outbound import urls
from krai.settings import Mode

MOST_RECORDS = 1000


class UploadSource(Body):
    """A finished upload of the caller's own."""

    upload_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class UrlSource(Body):
    """A file behind an https URL that anybody can reach, where the deployment allows it. Its server must tell the Content-Length, or the
    request the `sha256`.
    """

    url: Annotated[str, Field(json_schema_extra={"format": "uri", "pattern": "^https://", "maxLength": urls.LONGEST_BYTES})]


class RecordsSource(Body):
    """The rows themselves: at most 1,000 objects and 1 MiB. Fractions are doubles; send longer ones as strings."""

    records: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_RECORDS)]


class ObjectSource(Body):
    """A file in a bucket of Cloud Storage that an admin has granted the caller."""

    uri: Annotated[
        Text,
        Field(
            pattern=r"^gs://",
            max_length=1100,
            json_schema_extra={"pattern": f"^gs://[^{UNPRINTABLE_CHARACTERS}]*$"},
            examples=["gs://acme-landing/2026/orders.csv"],
        ),
    ]


# The tags cannot be names of fields, so that a pointer into the body never shows them.
TAGS = {"upload_id": "<upload>", "url": "<url>", "uri": "<uri>", "records": "<records>"}


def _kind_of_source(value: Any) -> str | None:
    if isinstance(value, str):
        return "<name>"
    return next((tag for name, tag in TAGS.items() if isinstance(value, dict) and name in value), None)


SourceBody = Annotated[
    Annotated[Annotated[Text, Field(max_length=63)], Tag("<name>")]
    | Annotated[UploadSource, Tag("<upload>")]
    | Annotated[UrlSource, Tag("<url>")]
    | Annotated[ObjectSource, Tag("<uri>")]
    | Annotated[RecordsSource, Tag("<records>")],
    Discriminator(
        _kind_of_source,
        custom_error_type="invalid_field",
        custom_error_message="Takes the name of a registered source, or an object with upload_id, url, uri or records.",
    ),
]
AnySource = str | UploadSource | UrlSource | ObjectSource | RecordsSource


async def source_of(said: AnySource, taken: Intake[Any]) -> submit.Source:
    """Raises Terminal source_forbidden."""
    match said:
        case UploadSource():
            return submit.Uploaded(said.upload_id)
        case UrlSource():
            return submit.Remote(said.url, allowed=taken.api.settings.url_imports == "on")
        case ObjectSource():
            return await _object(said.uri, taken)
        case RecordsSource():
            return submit.Inline(said.records)
        case name:
            return submit.Registered(name)


async def _object(uri: str, taken: Intake[Any]) -> submit.Object:
    """Krai's own bucket holds everybody's files: nobody imports from it, whatever was granted."""
    parsed = gs_uri.parse(uri)
    if parsed is None or taken.api.settings.mode is not Mode.GCP or parsed[0] == taken.api.settings.gcs_bucket:
        raise Terminal("source_forbidden")
    await taken.api.admission.grants.demand_bucket(taken.caller, parsed[0])
    return submit.Object(*parsed)
