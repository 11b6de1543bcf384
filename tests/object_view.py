"""The files of an object store, looked at past the client, as tests look at a disk."""

from abc import ABC, abstractmethod


class ObjectView(ABC):
    """Keys as paths."""

    @abstractmethod
    def write(self, key: str, data: bytes, mtime: float | None) -> None: ...

    @abstractmethod
    def fetch(self, key: str) -> bytes: ...

    @abstractmethod
    def time(self, key: str) -> float: ...

    @abstractmethod
    def keys(self, prefix: str) -> list[str]: ...

    def put(self, path: str, data: bytes = b"", mtime: float | None = None) -> None:
        self.write(path, data, mtime)

    def read(self, path: str) -> bytes:
        return self.fetch(path)

    def exists(self, path: str) -> bool:
        return any(key == path or key.startswith(f"{path}/") for key in self.keys(path))

    def mtime(self, path: str) -> float:
        return self.time(path)

    def names(self, path: str) -> list[str]:
        prefix = f"{path.rstrip('/')}/"
        return sorted({rest.partition("/")[0] for key in self.keys(prefix) if (rest := key.removeprefix(prefix))})

    def make_dir(self, path: str) -> None:
        self.write(f"{path}/", b"", None)
