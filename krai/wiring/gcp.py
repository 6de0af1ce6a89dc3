"""The stores of mode gcp, as the API and the worker loop share them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.directory import FirestoreDirectory
from krai.backends.google.firestore import Firestore
from krai.backends.google.jobs import FirestoreJobStore
from krai.backends.google.queue import PubSubJobQueue
from krai.backends.google.signing import LinkSigner
from krai.ports import Stores
from krai.settings import Settings


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Raises UnsafeSettings when a topic, a subscription or the bucket is missing; Transient when Google does not answer."""
    blobs = open_blobs(settings)
    await asyncio.to_thread(blobs.insist)
    async with AsyncExitStack() as stack:
        firestore = await Firestore.open(project_of(settings), settings.firestore_database)
        stack.push_async_callback(firestore.close)
        queue = await PubSubJobQueue.open(
            project_of(settings),
            topic=settings.pubsub_topic,
            subscription=settings.pubsub_subscription,
            dead_letter_topic=settings.dead_letter_topic,
            emulator=settings.pubsub_emulator,
        )
        stack.push_async_callback(queue.close)
        yield Stores(jobs=FirestoreJobStore(firestore), queue=queue, blobs=blobs, directory=FirestoreDirectory(firestore))


def open_blobs(settings: Settings) -> GcsBlobStore:
    signer = LinkSigner(
        service_account=settings.signer_service_account,
        iam_url=settings.iam_credentials_url,
        emulated=settings.storage_emulator is not None,
    )
    return GcsBlobStore(str(settings.gcs_bucket), project=project_of(settings), emulator=settings.storage_emulator, signer=signer)


def project_of(settings: Settings) -> str:
    return str(settings.google_cloud_project)
