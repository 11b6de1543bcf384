import threading

import pytest

from nightdrop.db.errors import DatabaseBusyError
from nightdrop.db.writer import WriterLock

DEADLINE_S = 20


def wait_for(condition):
    """Give way to the other threads until ``condition`` holds; it only needs them to be scheduled."""
    pause = threading.Event()
    for _ in range(DEADLINE_S * 1000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("did not happen")


def test_first_come_first_served():
    lock, order = WriterLock(DEADLINE_S), []

    def work(number):
        with lock.held():
            order.append(number)

    with lock.held():
        threads = []
        for number in range(10):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            wait_for(lambda number=number: len(lock._waiting) == number + 1)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert order == list(range(10))


def test_one_at_a_time():
    lock, inside, most = WriterLock(DEADLINE_S), [], []

    def work():
        for _ in range(200):
            with lock.held():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(most) == 1200
    assert max(most) == 1
    with lock.held():
        pass


def test_who_waits_too_long_gives_up_and_the_others_go_on():
    lock, errors = WriterLock(0.01), []

    def work():
        try:
            with lock.held():
                pass
        except DatabaseBusyError as error:
            errors.append(error)

    with lock.held():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(DEADLINE_S)
    assert len(errors) == 1
    work()
    assert len(errors) == 1


def test_an_error_inside_lets_go():
    lock = WriterLock(DEADLINE_S)
    with pytest.raises(ZeroDivisionError), lock.held():
        raise ZeroDivisionError
    with lock.held(), pytest.raises(RuntimeError), lock.held():
        pass
    with lock.held():
        pass
