"""``Configure``: URL and payload of all five clients."""

import json

import pytest

from nightdrop.syncjs.remotes.configure import configure
from nightdrop.syncjs.remotes.fields import CLIENTS, OPTIONS
from nightdrop.syncjs.remotes.port import RemoteError


@pytest.mark.parametrize(
    ("kind", "url", "fields"),
    [
        ("sftp", "sftp://example.com", {"Host": "example.com"}),
        (
            "sftp",
            "sftp://me:p%40ss@example.com:2222?hostKeySHA256=SHA256:abc%2Bd/&keyFile=/k&keyFilePass=x&hostID=lab",
            {
                "Host": "example.com:2222",
                "User": "me",
                "Pass": "p@ss",
                "HostKeySHA256": "SHA256:abc+d/",
                "KeyFile": "/k",
                "KeyFilePass": "x",
                "HostID": "lab",
            },
        ),
        (
            "sftp",
            "SFTP://[::1]:22?hostKeyMD5=00:11&hostKeySHA1=y",
            {"Host": "[::1]:22", "HostKeyMD5": "00:11", "HostKeySHA1": "y"},
        ),
        ("ftps", "ftp://a@h", {"Host": "h", "User": "a", "TLSMode": 0}),
        ("ftps", "ftpes://h:2121", {"Host": "h:2121", "TLSMode": 1}),
        ("ftps", "ftps://h?tlsInsecure=true", {"Host": "h", "TLSMode": 2, "TLSInsecure": True}),
        ("ftps", "ftps://h?tlsMode=explicit", {"Host": "h", "TLSMode": 1}),
        (
            "s3",
            "s3://AKID:se%2Fcret@My-Bucket?region=eu-west-1&endpoint=http://127.0.0.1:9000&pathStyle=1",
            {
                "Bucket": "My-Bucket",
                "APIKeyID": "AKID",
                "APIKeySecret": "se/cret",
                "Region": "eu-west-1",
                "Endpoint": "http://127.0.0.1:9000",
                "PathStyle": True,
            },
        ),
        ("azure", "azure://acc:k%3D%3D@box", {"Container": "box", "AccountName": "acc", "AccountKey": "k=="}),
        ("gcs", "gs://bucket?credentialsFile=gcs.json", {"Bucket": "bucket", "CredentialsFile": "gcs.json"}),
        ("gcs", "gcs://bucket", {"Bucket": "bucket"}),
    ],
)
def test_a_url_sets_fields(kind: str, url: str, fields: dict[str, object]) -> None:
    result = configure(CLIENTS[kind], url)
    assert (result.fields, result.options, result.warnings) == (fields, {}, [])


def test_a_payload_sets_credentials_and_options_and_wins() -> None:
    payload = {
        "pass": "from payload",
        "private_key": "KEY",
        "private_key_pass": "phrase",
        "UploadPolicy": "AlwaysOverwrite",
        "otfe": True,
        "options": {"otfe_key": "age1...", "versionsToKeepRemote": 7},
    }
    result = configure(CLIENTS["sftp"], "sftp://me:from-url@h", json.dumps(payload))
    assert result.fields == {
        "Host": "h",
        "User": "me",
        "Pass": "from payload",
        "KeyText": "KEY",
        "KeyFilePass": "phrase",
    }
    assert result.options == {"UploadPolicy": 1, "OTFE": True, "OTFEKey": "age1...", "VersionsToKeepRemote": 7}
    assert result.warnings == []


@pytest.mark.parametrize("kind", CLIENTS)
def test_every_field_and_option_can_stand_in_a_payload(kind: str) -> None:
    values = {field.name: field.default for field in (*CLIENTS[kind].fields, *OPTIONS)}
    url = {"sftp": "sftp://h", "ftps": "ftp://h", "s3": "s3://b", "azure": "azure://c", "gcs": "gs://b"}[kind]
    result = configure(CLIENTS[kind], url, json.dumps(values))
    assert result.fields | result.options == values
    assert result.warnings == []


def test_what_is_unknown_or_of_a_wrong_type_is_told_without_its_value() -> None:
    payload = {"passs": "hunter2", "private_kez": "hunter2", "OTFE": "hunter2", "User": 5, "zzz": "hunter2"}
    result = configure(CLIENTS["sftp"], "sftp://h/some/path?hunter=hunter2", json.dumps(payload))
    text = "\n".join(result.warnings)
    assert result.fields == {"Host": "h"}
    assert "'passs'; did you mean Pass?" in text
    assert "OTFE must be a boolean" in text
    assert "User must be a string" in text
    assert "path is not used" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("kind", "url", "payload", "reason"),
    [
        ("sftp", "ftp://h", "", "begins with sftp://"),
        ("ftps", "sftp://h", "", "ftp:// or ftpes:// or ftps://"),
        ("sftp", "sftp://", "", "names no host"),
        ("sftp", "sftp://h:99999", "", "not a URL"),
        ("sftp", "sftp://[::1", "", "not a URL"),
        ("sftp", "", "", "begins with"),
        ("sftp", "sftp://h", "{", "not JSON"),
        ("sftp", "sftp://h", "[" * 100_000, "not JSON"),
        ("sftp", "sftp://h", "[1]", "not a JSON object"),
        ("sftp", "sftp://h", '{"options": 1}', "options in the payload"),
    ],
)
def test_what_is_not_right_is_refused(kind: str, url: str, payload: str, reason: str) -> None:
    with pytest.raises(RemoteError, match=reason):
        configure(CLIENTS[kind], url, payload)


def test_credentials_are_not_in_the_text_of_the_result() -> None:
    result = configure(CLIENTS["sftp"], "sftp://me:hunter2@h", '{"OTFEKey": "hunter2"}')
    assert "hunter2" not in repr(result)
