"""A snapshot that adds and takes away data files and delete files at once. pyiceberg itself writes no delete files."""

from collections.abc import Callable, Collection, Sequence

from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriter,
    ManifestWriterV2 as DataManifestWriter,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _MergeAppendFiles


class RowDelta(_MergeAppendFiles):
    """`add` are new files of either kind, `restore` entries of an earlier snapshot, which keep their place in the order of commits,
    and `remove` the locations of files that are in the table. Commits its part of the transaction when its `with` ends."""

    def __init__(
        self,
        change: Transaction,
        properties: dict[str, str],
        *,
        add: Sequence[DataFile],
        restore: Sequence[ManifestEntry] = (),
        remove: Collection[str] = (),
    ) -> None:
        io = change._table.io  # noqa: SLF001 (a transaction has no public table)
        super().__init__(Operation.OVERWRITE, change, io, snapshot_properties=properties)
        self._delete_files = [file for file in add if _is_delete(file)]
        self._added_data_files = [file for file in add if not _is_delete(file)]
        self._restored = restore
        self._removed = frozenset(remove)

    def _existing_manifests(self) -> list[ManifestFile]:
        known = super()._existing_manifests()
        kept = [self._without_removed(manifest) for manifest in known] if self._removed else known
        return [*self._new_deletes(), *self._restored_data(), *kept]

    def _summary(self, snapshot_properties: dict[str, str]) -> Summary:  # type: ignore[override]  # always given
        self._added_data_files += [*self._delete_files, *(entry.data_file for entry in self._restored)]
        return super()._summary(snapshot_properties)

    def _delete_manifest_writer(self, spec: PartitionSpec) -> ManifestWriter:
        return _DeleteManifestWriter(spec, self.schema(), self.new_manifest_output(), self._snapshot_id, self._compression)

    def _new_deletes(self) -> list[ManifestFile]:
        entries = [self._added(file, None) for file in self._delete_files]
        return self._write(
            self._delete_manifest_writer,
            entries + [self._added(entry.data_file, entry.sequence_number) for entry in self._restored if _is_delete(entry.data_file)],
        )

    def _restored_data(self) -> list[ManifestFile]:
        entries = [self._added(entry.data_file, entry.sequence_number) for entry in self._restored if not _is_delete(entry.data_file)]
        return self._write(self.new_manifest_writer, entries)

    def _without_removed(self, manifest: ManifestFile) -> ManifestFile:
        entries = self.fetch_manifest_entry(manifest)
        if not any(entry.data_file.file_path in self._removed for entry in entries):
            return manifest
        begin = self._delete_manifest_writer if manifest.content == ManifestContent.DELETES else self.new_manifest_writer
        with begin(self.spec(manifest.partition_spec_id)) as writer:
            for entry in entries:
                if entry.data_file.file_path in self._removed:
                    self._deleted_data_files.add(entry.data_file)
                    writer.delete(entry)
                else:
                    writer.existing(entry)
        return writer.to_manifest_file()

    def _added(self, file: DataFile, sequence_number: int | None) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=ManifestEntryStatus.ADDED,
            snapshot_id=self._snapshot_id,
            sequence_number=sequence_number,
            file_sequence_number=None,
            data_file=file,
        )

    def _write(self, begin: Callable[[PartitionSpec], ManifestWriter], entries: Sequence[ManifestEntry]) -> list[ManifestFile]:
        if not entries:
            return []
        with begin(self._transaction.table_metadata.spec()) as writer:
            for entry in entries:
                writer.add(entry)
        return [writer.to_manifest_file()]


class _DeleteManifestWriter(DataManifestWriter):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def _is_delete(file: DataFile) -> bool:
    return file.content is not DataFileContent.DATA
