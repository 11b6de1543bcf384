"""What encrypting and decrypting have in common: content is pushed in, and the result comes back."""

from abc import ABC, abstractmethod

from nightdrop.otfe.pieces import Buffer

# A buffer up to this size is kept from call to call: fresh memory costs more than the cryptography.
_KEPT_BYTES = 4 * 1024 * 1024


class Coder(ABC):
    """Takes a file in pieces of any size and gives another file, in as many."""

    def __init__(self) -> None:
        self._scratch = bytearray()

    @abstractmethod
    def room_for(self, size: int) -> int:
        """Return how many bytes ``update_into`` may write for ``size`` bytes of data."""

    @abstractmethod
    def update_into(self, data: Buffer, out: bytearray | memoryview) -> int:
        """Take more data; return how many bytes of ``out`` are written.

        Args:
            data: more of the file.
            out: another buffer, of ``room_for(len(data))`` bytes or more.
        """

    @abstractmethod
    def finish(self) -> bytes:
        """End the file; return the rest of the result."""

    def update(self, data: Buffer) -> bytes:
        """Do what ``update_into`` does; return the bytes, often none."""
        room = self.room_for(memoryview(data).nbytes)
        out = self._scratch if len(self._scratch) >= room else bytearray(room)
        if len(out) <= _KEPT_BYTES:
            self._scratch = out
        return bytes(memoryview(out)[: self.update_into(data, out)])
