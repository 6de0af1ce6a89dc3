"""Files of attempts that came to nothing, or whose worker died before it could say so."""

import asyncio
import json

from krai import observe
from krai.errors import KraiError
from krai.job import Job
from krai.ports import BlobStore


async def remove(blobs: BlobStore, job: Job) -> None:
    """Remove what attempts have left, but for what the job's result names: it may be an earlier attempt's commit.

    What cannot be removed now goes with the job's own files: nobody is shown it.
    """
    result = json.dumps(job.result) if job.result else ""
    try:
        for epoch in range(1, job.epoch + 1):
            prefix = f"jobs/{job.job_id}/e{epoch}/"
            if prefix not in result:
                await asyncio.to_thread(blobs.delete, prefix)
    except KraiError as error:
        observe.log().warning("files left behind", job_id=job.job_id, code=error.code)
