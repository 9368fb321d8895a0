"""Where a corpus lies: a local folder or any URI that fsspec opens. Names are relative, with '/'."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.files import atomic_write, exists, is_uri, local_path
from emotalk.remote import open_remote, reached


@dataclass(frozen=True)
class Store:
    """Files of one corpus. Small and picklable: tasks open the files themselves."""

    location: str

    def path(self, name: str) -> str:
        """The full path or URI of a file."""
        root = self.location if is_uri(self.location) else str(local_path(self.location))
        return f"{root.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        return exists(self.path(name))

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError where there is no such file."""
        with reached(self.path(name)) as (fs, path):
            content: bytes = fs.cat_file(path)
        return content

    def open_parquet(self, name: str, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
        """For reading single row groups; a known footer is not fetched again."""
        path, remote = self.path(name), is_uri(self.location)
        # Row groups are read front to back: read-ahead would fetch the neighbours too.
        file = open_remote(path, cache_type="none") if remote else local_path(path).open("rb")
        return pq.ParquetFile(file, metadata=metadata, pre_buffer=remote)

    def write(self, name: str, content: bytes | pa.Buffer) -> None:
        """Whole or not at all."""
        with atomic_write(self.path(name)) as temporary:
            temporary.write_bytes(content)

    def remove(self, name: str) -> None:
        with reached(self.path(name)) as (fs, path):
            fs.rm_file(path)

    def names(self, folder: str) -> list[str]:
        """The files directly in a folder ("": the corpus's own), hidden ones included; empty where there is none."""
        with reached(self.path(folder)) as (fs, path):
            fs.invalidate_cache()
            if not fs.isdir(path):
                return []
            entries = [entry for entry in fs.ls(path, detail=True) if entry["type"] == "file"]
        return sorted(str(PurePosixPath(folder, PurePosixPath(entry["name"]).name)) for entry in entries)
