"""A codec that tests can see through, and that lets them act while a file is on its way."""

from nightdrop.syncjs.remotes.transfer import CodecError


class Reversed:
    """A codec that can be seen through: each byte inverted, behind a mark; ``during`` runs while a file is on its way."""

    mark = b"SEALED"
    slow = False

    def __init__(self, during=lambda: None) -> None:
        self.during = during

    def sealed_size(self, size: int) -> int:
        return size + len(self.mark)

    def encoder(self) -> "Reversed.Encoder":
        return self.Encoder(self)

    def decoder(self) -> "Reversed.Decoder":
        return self.Decoder(self)

    class Encoder:
        def __init__(self, codec: "Reversed") -> None:
            self.codec, self.first = codec, Reversed.mark

        def update(self, data: bytes) -> bytes:
            self.codec.during()
            first, self.first = self.first, b""
            return first + invert(data)

        def finish(self) -> bytes:
            return self.first

    class Decoder:
        def __init__(self, codec: "Reversed") -> None:
            self.codec, self.buffer, self.opened = codec, b"", False

        def update(self, data: bytes) -> bytes:
            self.codec.during()
            self.buffer += data
            if not self.opened:
                if len(self.buffer) < len(Reversed.mark):
                    return b""
                if not self.buffer.startswith(Reversed.mark):
                    raise CodecError("this is not an encrypted file")
                self.buffer, self.opened = self.buffer[len(Reversed.mark) :], True
            data, self.buffer = self.buffer, b""
            return invert(data)

        def finish(self) -> bytes:
            if not self.opened:
                raise CodecError("this is not an encrypted file")
            return b""


def invert(data: bytes) -> bytes:
    return data.translate(bytes(255 - value for value in range(256)))
