"""The pool asks for a pair only when there is somebody to make it."""

from nightdrop.worker.pairs import PairPool


class Zygote:
    """Takes messages while it is up."""

    channel = None

    def __init__(self):
        self.sent = []

    def send(self, message):
        if self.channel is not None:
            self.sent.append(message)


def test_what_is_asked_while_the_zygote_is_down_is_asked_again_when_it_is_up():
    zygote = Zygote()
    pool = PairPool(zygote, 2, lambda: None)
    pool.refill(waiting=1)
    zygote.channel = object()
    pool.refill()
    assert zygote.sent == [{"op": "spawn"}] * 2
