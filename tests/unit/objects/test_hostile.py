"""An object store that answers wrong, late, too much, or not to the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from nightdrop.syncjs.remotes import web
from nightdrop.syncjs.remotes.port import Limits
from remote_clients import Client
from scripted_http import Asked, Reply, Scripted, scripted

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_FIRST_PAUSE_S", 0.0)


def page(*keys: str, folders: tuple[str, ...] = (), token: str = "", size: int = 1) -> Reply:
    """A listing."""
    body = "<ListBucketResult><EncodingType>url</EncodingType>"
    body += "".join(f"<CommonPrefixes><Prefix>{quote(each)}</Prefix></CommonPrefixes>" for each in folders)
    body += "".join(f"<Contents><Key>{quote(key)}</Key><Size>{size}</Size></Contents>" for key in keys)
    if token:
        body += f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    return Reply(body=f"{body}</ListBucketResult>".encode())


def error(status: int, code: str) -> Reply:
    return Reply(status, f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode())


@contextmanager
def client(folder: Path, answer: Callable[[Asked], Reply], **limits: int) -> Iterator[tuple[Client, Scripted]]:
    """A client of a server that lets it connect and then answers as told."""
    connected: list[bool] = []

    def reply(asked: Asked) -> Reply:
        if not connected:
            connected.append(True)
            return page()
        return answer(asked)

    with scripted(reply) as server:
        fields = {"Endpoint": server.endpoint, "Bucket": "bucket", "APIKeyID": "AKIA", "APIKeySecret": SECRET}
        made = Client("s3", folder, fields, limits=replace(Limits(), **limits))
        made.options = {"Timeout": 5}
        try:
            assert made.connect(), made.lines()
            server.asked.clear()
            yield made, server
        finally:
            made.close()
        assert SECRET not in made.lines()


@pytest.mark.parametrize(
    ("keys", "folders"),
    [
        (("in/../../out",), ()),
        (("in//etc/passwd",), ()),
        (("in/a/b",), ()),
        (("elsewhere/x",), ()),
        (("/etc/passwd",), ()),
        (("",), ()),
        ((), ("in/a/b/",)),
        ((), ("in/a",)),
        ((), ("/",)),
    ],
)
def test_listed_keys_lead_nowhere_else(tmp_path: Path, keys: tuple[str, ...], folders: tuple[str, ...]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    with client(site, lambda asked: page(*keys, folders=folders) if asked.query else Reply(body=b"1")) as (here, _):
        assert here.ListDirR("in", 0) == []
        assert here.DownloadR("in/*", "back") is False
        assert here.DelTree("in") is False
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["site"]


@pytest.mark.parametrize(("keys", "folders"), [(("in/..",), ()), ((), ("in/../",)), ((), ("in//",)), ((), ("in/./",))])
def test_keys_that_make_no_path_are_left_alone(tmp_path: Path, keys: tuple[str, ...], folders: tuple[str, ...]) -> None:
    site = tmp_path / "site"
    site.mkdir()
    with client(site, lambda asked: page(*keys, folders=folders) if asked.query else Reply(body=b"1")) as (here, _):
        assert here.ListDirR("in", 0) == []
        assert here.DownloadR("in/*", "back") is True
        assert "1 key is left out of a listing, as no path leads there" in here.lines("warn")
        assert here.DelTree("in") is False
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["site"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "x" * 300, "a\x7f"])
def test_names_that_no_local_file_has_are_left_out(tmp_path: Path, name: str) -> None:
    def answer(asked: Asked) -> Reply:
        if "list-type" in asked.query:
            return page("in/good", f"in/{name}")
        return Reply(body=b"1", headers={"ETag": '"1"'})

    with client(tmp_path, answer) as (here, _):
        assert here.DownloadR("in/*", "back") is False
        assert [path.name for path in (tmp_path / "back").iterdir()] == ["good"]
        assert "a local file cannot have this name" in here.lines("error")


@pytest.mark.parametrize("same", [True, False])
def test_listings_without_an_end_do_not_go_on(tmp_path: Path, same: bool) -> None:
    numbers = iter(range(10_000))
    with client(tmp_path, lambda _: page(token="t" if same else f"t{next(numbers)}")) as (here, server):
        assert here.ListDir("in") == []
        assert "does not end" in here.lines("error")
        assert len(server.asked) < 200


def test_listings_are_counted(tmp_path: Path) -> None:
    numbers = iter(range(10_000))

    def answer(_: Asked) -> Reply:
        start = next(numbers)
        return page(*(f"in/{start}-{n}" for n in range(100)), token=f"t{start}")

    with client(tmp_path, answer, entries=1_000) as (here, server):
        assert here.ListDir("in") == []
        assert "more than 1000 entries" in here.lines("error")
        assert len(server.asked) <= 12


def test_directories_in_directories_end(tmp_path: Path) -> None:
    with client(tmp_path, lambda asked: page(folders=(asked.query["prefix"] + "a/",)), depth=20) as (here, _):
        assert here.ListDirR("", 0) == []
        assert "nested deeper" in here.lines("error")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(body=b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), "not one of S3"),
        (Reply(body=b"hello"), "not one of S3"),
        (Reply(body=b"x" * (8 * 1024 * 1024 + 1)), "longer than"),
        (Reply(body=b"<a/>", unframed=True), "does not say how long"),
        (Reply(301, headers={"Location": "http://127.0.0.1:1/"}), "in another region"),
        (Reply(307, headers={"Location": "http://127.0.0.1:1/"}), "in another region"),
        (error(403, "AccessDenied"), "may not do this"),
        (error(400, "SomethingNew"), "answered 400 (SomethingNew)"),
        (error(400, SECRET), "answered 400"),
        (Reply(400, SECRET.encode()), "answered 400"),
    ],
)
def test_answers_that_are_none(tmp_path: Path, reply: Reply, reason: str) -> None:
    with client(tmp_path, lambda _: reply) as (here, server):
        assert here.ListDir("in") == []
        assert reason in here.lines("error")
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_asked_again(tmp_path: Path, status: int) -> None:
    replies = iter([Reply(status), Reply(status), page("in/a")])
    with client(tmp_path, lambda _: next(replies)) as (here, server):
        assert [item["Name"] for item in here.ListDir("in")] == ["a"], here.lines()
        assert len(server.asked) == 3


def test_a_server_that_stays_busy_is_given_up(tmp_path: Path) -> None:
    with client(tmp_path, lambda _: Reply(503)) as (here, server):
        assert here.ListDir("in") == []
        assert "asked too often" in here.lines("error")
        assert len(server.asked) == 6


def test_a_server_that_says_when_is_not_waited_for_longer_than_the_timeout(tmp_path: Path) -> None:
    with client(tmp_path, lambda _: Reply(503, headers={"Retry-After": "3600"})) as (here, server):
        assert here.ListDir("in") == []
        assert len(server.asked) == 1


def test_a_connection_that_is_lost_is_made_again(tmp_path: Path) -> None:
    replies = iter([Reply(body=b"<a>", cut=1), page("in/a")])
    with client(tmp_path, lambda _: next(replies)) as (here, _):
        assert [item["Name"] for item in here.ListDir("in")] == ["a"], here.lines()


DATA = bytes(range(256)) * 4_000


def file_server(cuts: list[int], tags: list[str]) -> Callable[[Asked], Reply]:
    """A server of one file that breaks off at each of ``cuts``, and has each of ``tags`` at one GET."""

    def answer(asked: Asked) -> Reply:
        if asked.method == "HEAD":
            return Reply(headers={"Content-Length": str(len(DATA)), "ETag": '"1"'})
        tag = tags.pop(0) if len(tags) > 1 else tags[0]
        if asked.headers.get("if-match", tag) != tag:
            return Reply(412)
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        cut = cuts.pop(0) if cuts else None
        return Reply(206 if start else 200, DATA[start:], {"ETag": tag}, cut)

    return answer


def test_a_download_that_breaks_off_goes_on(tmp_path: Path) -> None:
    with client(tmp_path, file_server([300_000, 1, 0, 0, 200_000], ['"1"'])) as (here, server):
        assert here.Download("f", "back"), here.lines()
        assert (tmp_path / "back/f").read_bytes() == DATA
        assert sum(asked.method == "GET" for asked in server.asked) == 6


def test_a_download_without_progress_is_given_up(tmp_path: Path) -> None:
    with client(tmp_path, file_server([10, *[0] * 20], ['"1"'])) as (here, _):
        assert here.Download("f", "back") is False
        assert not (tmp_path / "back/f").exists()


def test_a_file_that_changes_under_a_download_is_no_mixture(tmp_path: Path) -> None:
    with client(tmp_path, file_server([300_000], ['"1"', '"2"'])) as (here, _):
        assert here.Download("f", "back") is False
        assert "changed" in here.lines("error")
        assert not (tmp_path / "back/f").exists()


def upload_server(complete: Reply, part: Reply | None = None) -> Callable[[Asked], Reply]:
    """A server of multipart uploads."""

    def answer(asked: Asked) -> Reply:
        if asked.method == "HEAD":
            return Reply(404)
        if "list-type" in asked.query:
            return page()
        if "uploads" in asked.query:
            return Reply(body=b"<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
        if asked.method == "DELETE":
            return Reply(204)
        if "partNumber" in asked.query:
            return part or Reply(headers={"ETag": '"p"'})
        return complete if "uploadId" in asked.query else Reply()

    return answer


@pytest.mark.parametrize(
    ("complete", "part"),
    [
        (Reply(body=b"<Error><Code>InternalError</Code></Error>"), None),
        (Reply(400), None),
        (Reply(), Reply(400)),
        (Reply(), Reply(503)),
    ],
)
def test_an_upload_that_is_not_completed_is_aborted(tmp_path: Path, complete: Reply, part: Reply | None) -> None:
    (tmp_path / "f").write_bytes(bytes(9 * 1024 * 1024))
    with client(tmp_path, upload_server(complete, part)) as (here, server):
        assert here.Upload("f", "") is False
        assert [asked.query for asked in server.asked if asked.method == "DELETE"] == [{"uploadId": "7"}]


def test_an_upload_that_did_not_arrive_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with client(tmp_path, upload_server(Reply())) as (here, _):
        here.options |= {"DeleteSourceAfterUpload": True}
        assert here.Upload("f", "") is False
        assert "but now there is none" in here.lines("error")
        assert (tmp_path / "f").exists()


def test_bodies_over_http_are_signed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    with client(tmp_path, upload_server(Reply())) as (here, server):
        here.Upload("f", "")
        [put] = [asked for asked in server.asked if asked.method == "PUT"]
        assert put.headers["x-amz-content-sha256"] == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a/.."])
def test_paths_do_not_lead_upwards(tmp_path: Path, path: str) -> None:
    with client(tmp_path, lambda _: Reply(500)) as (here, server):
        for method in ("ListDir", "MakeDir", "DelFile", "DelDir", "DelTree", "Exists", "Stat"):
            assert not getattr(here, method)(path)
        assert here.lines("error").count("must not lead upwards") == 7
        assert server.asked == []
