"""Gives downloads of couriers to accounts of this host: a confined process can neither find an account nor do it.

A courier sends the open file, so what it cannot open it cannot give away either.
"""

import asyncio
import os
import socket

from nightdrop.core.ownership import GivingRefusedError, give_away
from nightdrop.core.wire import Channel, ChannelClosedError, Frame, FrameTooLargeError

_MAX_REQUEST = 4096
_LONGEST_NAME = 256


class Giving:
    """The worker's end of one courier's channel; ends with ``close``, or when the courier sends what is no request."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._channel = Channel(sock, _MAX_REQUEST)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        if self._sock.fileno() != -1:
            self._loop.remove_reader(self._sock.fileno())
            self._channel.close()

    def _readable(self) -> None:
        try:
            frames = self._channel.recv_ready()
        except BlockingIOError:
            return
        except (ChannelClosedError, FrameTooLargeError, OSError):
            self.close()
            return
        # A courier waits for each answer, so two requests at once are none of ours.
        if len(frames) > 1 or (frames and self._task is not None and not self._task.done()):
            _drop(frames)
            self.close()
            return
        for frame in frames:
            self._task = self._loop.create_task(self._answer(frame))

    async def _answer(self, frame: Frame) -> None:
        try:
            # Accounts may come from a directory on the network.
            problem = await asyncio.to_thread(_give, frame)
            self._channel.send_json({"problem": problem})
        except (ChannelClosedError, KeyError, OSError, RecursionError, TypeError, ValueError):
            self.close()
        finally:
            _drop([frame])


def _give(frame: Frame) -> str | None:
    account = frame.json()["give"]
    if not isinstance(account, str) or len(account) > _LONGEST_NAME or len(frame.fds) != 1:
        raise ValueError
    try:
        give_away(frame.fds[0], account)
    except GivingRefusedError as error:
        return error.message
    return None


def _drop(frames: list[Frame]) -> None:
    for frame in frames:
        for fd in frame.fds:
            os.close(fd)
        frame.fds.clear()
