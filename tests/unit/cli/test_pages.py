"""Lists are read to their end, however many pages they have."""

from nightdrop.cli.context import all_sites


class Client:
    """Answers as a server with five sites and pages of two."""

    def get(self, path, **query):
        assert (path, query["limit"]) == ("/sites", 500)
        first = int(query["cursor"] or 0)
        return {"items": list(range(first, min(first + 2, 5))), "next": str(first + 2) if first + 2 < 5 else None}


def test_every_page_is_read():
    assert all_sites(Client()) == [0, 1, 2, 3, 4]
