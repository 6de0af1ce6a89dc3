"""What a snapshot is made of: its data files in the order in which their rows were imported, and the rows of them that are gone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, ManifestEntry
from pyiceberg.table.snapshots import Snapshot

from krai.warehouse.positions import NOWHERE, Gone, Positions, read_positions, united

_THREADS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """`data` and `deletes` are the entries of the manifests, by commit and then by name; `gone` is what the latter say together."""

    data: Sequence[ManifestEntry]
    deletes: Sequence[ManifestEntry]
    gone: Gone

    @property
    def files(self) -> list[DataFile]:
        return [entry.data_file for entry in self.data]

    @property
    def rows(self) -> int:
        return sum(entry.data_file.record_count for entry in self.data) - sum(map(len, self.gone.values()))


EMPTY = Plan((), (), {})


def plan_of(snapshot: Snapshot, io: FileIO) -> Plan:
    """The sequence number of an entry stays when manifests are merged."""
    entries = [entry for manifest in snapshot.manifests(io) for entry in manifest.fetch_manifest_entry(io)]
    entries.sort(key=lambda entry: (entry.sequence_number or 0, entry.data_file.file_path))
    data = [entry for entry in entries if entry.data_file.content is DataFileContent.DATA]
    deletes = [entry for entry in entries if entry.data_file.content is not DataFileContent.DATA]
    return Plan(data, deletes, _gone(data, deletes, io))


def _gone(data: Sequence[ManifestEntry], deletes: Sequence[ManifestEntry], io: FileIO) -> Gone:
    if not deletes:
        return {}
    found: dict[str, Positions] = {entry.data_file.file_path: NOWHERE for entry in data}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="deletes") as pool:
        for positions in pool.map(partial(read_positions, io), [entry.data_file for entry in deletes]):
            for path in found.keys() & positions.keys():
                found[path] = united(found[path], positions[path])
    return {path: positions for path, positions in found.items() if len(positions)}
