import pytest

from web import Web


@pytest.fixture
def web(tmp_path):
    server = Web(tmp_path)
    yield server
    server.close()
