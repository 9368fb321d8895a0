"""Where a corpus lies: a local folder or any URI that fsspec opens. Names are relative, with '/'."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.files import atomic_write, is_uri, local_path


@dataclass(frozen=True)
class Store:
    """Files of one corpus. Small and picklable: tasks open the files themselves."""

    location: str

    def path(self, name: str) -> str:
        """The full path or URI of a file."""
        root = self.location if is_uri(self.location) else str(local_path(self.location))
        return f"{root.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        fs, path = fsspec.core.url_to_fs(self.path(name))
        fs.invalidate_cache()  # another process may have written it
        return bool(fs.exists(path))

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError where there is no such file."""
        fs, path = fsspec.core.url_to_fs(self.path(name))
        content: bytes = fs.cat_file(path)
        return content

    def open_parquet(self, name: str, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
        """For reading single row groups; a known footer is not fetched again."""
        fs, path = fsspec.core.url_to_fs(self.path(name))
        # Row groups are read front to back: read-ahead would fetch the neighbours too.
        options = {} if not is_uri(self.location) else {"cache_type": "none"}
        return pq.ParquetFile(fs.open(path, "rb", **options), metadata=metadata, pre_buffer=is_uri(self.location))

    def write(self, name: str, content: bytes | pa.Buffer) -> None:
        """Whole or not at all."""
        with atomic_write(self.path(name)) as temporary:
            temporary.write_bytes(content)

    def remove(self, name: str) -> None:
        fs, path = fsspec.core.url_to_fs(self.path(name))
        fs.rm_file(path)

    def names(self, folder: str) -> list[str]:
        """The files directly in a folder, hidden ones included; empty where there is no such folder."""
        fs, path = fsspec.core.url_to_fs(self.path(folder))
        fs.invalidate_cache()
        if not fs.isdir(path):
            return []
        entries = [entry for entry in fs.ls(path, detail=True) if entry["type"] == "file"]
        return sorted(f"{folder}/{PurePosixPath(entry['name']).name}" for entry in entries)
