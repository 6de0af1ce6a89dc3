"""A krai with a table in it, what a fault-free run made of that table, and the words in which the two are compared."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.acceptance.deployment import Deployment
from tests.acceptance.krai_client import Json, KraiClient
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.ledger import ledger_is_clean
from tests.acceptance.material import people_csv

EXPORT: Json = {"dataset": "people", "format": "parquet"}


@dataclass(frozen=True, slots=True)
class House:
    """`files` and `rejects` are digests: what the export `EXPORT` and an import of `source` leave when nothing goes wrong."""

    deployment: Deployment
    source: bytes
    rows: int
    files: list[str]
    rejects: list[str]
    import_s: float
    export_s: float

    @property
    def krai(self) -> KraiClient:
        return self.deployment.krai

    @property
    def runner(self) -> KraiProcess:
        """The process that runs jobs."""
        return self.deployment.runner

    def start(self, **env: str) -> None:
        self.deployment.start(**env)

    def import_request(self, dataset: str) -> Json:
        """An import of the table into a dataset of another name; uploads the table."""
        return {"dataset": dataset, "source": {"upload_id": self.krai.upload(self.source)}}

    def export_is_whole(self, job_id: str) -> None:
        """The job completes with the files of the fault-free run, byte for byte."""
        result = self.krai.result_of(job_id)
        assert result["records"] == self.rows
        assert digests(self.krai.files(result)) == self.files

    def import_is_whole(self, job_id: str) -> None:
        """The job completes, its dataset holds the rows once, and the rejects are those of the fault-free run."""
        result = self.krai.result_of(job_id)
        assert (result["records_processed"], result["records_rejected"]) == (self.rows, 1)
        assert digests([self.krai.download(result["rejects_url"])]) == self.rejects
        assert self.krai.dataset(result["dataset"])["rows"] == self.rows
        exported = self.krai.export(**(EXPORT | {"dataset": result["dataset"]}))
        assert digests(self.krai.files(exported)) == self.files

    def is_clean(self) -> None:
        ledger_is_clean(self.deployment)


def build(deployment: Deployment, *, rows: int) -> House:
    """Start it, import a table of `rows` rows as `people` and export it, without any fault."""
    krai = deployment.start().krai
    source = people_csv(rows)
    imported = krai.import_(dataset="people", source={"upload_id": krai.upload(source)})
    exported = krai.export(**EXPORT)
    return House(
        deployment=deployment,
        source=source,
        rows=rows,
        files=digests(krai.files(exported)),
        rejects=digests([krai.download(imported["rejects_url"])]),
        import_s=duration_s(krai.job(imported["job_id"])),
        export_s=duration_s(krai.job(exported["job_id"])),
    )


def digests(contents: list[bytes]) -> list[str]:
    return [hashlib.sha256(content).hexdigest() for content in contents]


def duration_s(job: dict[str, Any]) -> float:
    started, finished = (datetime.fromisoformat(job[name]) for name in ("started_at", "finished_at"))
    return (finished - started).total_seconds()
