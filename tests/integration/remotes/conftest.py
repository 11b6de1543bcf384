"""One server of each kind for a module, one connected client on it, and a pair of directories for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from remote_backends import BACKENDS, Backend, Work
from remote_clients import Client, no_codec

_NUMBERS = count(1)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def connected(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(backend.kind, tmp_path_factory.mktemp("site"), backend.fields, context=backend.context)
    assert client.connect(), client.lines()
    yield client
    client.close()


@pytest.fixture
def work(connected: Client, backend: Backend) -> Work:
    made = Work(connected, backend.files, f"case{next(_NUMBERS)}", backend.lacks)
    made.local.mkdir()
    backend.files.make_dir(made.name)
    connected.options, connected.codecs = {}, no_codec
    connected.log.clear()
    return made
