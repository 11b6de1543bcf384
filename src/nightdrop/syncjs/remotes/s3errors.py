"""What S3 says when it refuses, in our words."""

import re

from nightdrop.syncjs.remotes import xmltext
from nightdrop.syncjs.remotes.port import RemoteError
from nightdrop.syncjs.remotes.web import Answer

# Letters only: no credential and no signature looks like that.
_CODE = re.compile(r"[A-Z][A-Za-z]{2,39}")
_SENTENCES = {
    "AccessDenied": "the access key may not do this",
    "BucketRegionError": "the bucket is in another region",
    "AuthorizationHeaderMalformed": "the bucket is in another region",
    "ExpiredToken": "the session token has expired",
    "InvalidAccessKeyId": "the server does not know the access key",
    "InvalidBucketName": "the name of the bucket is not one",
    "InvalidToken": "the session token is not accepted",
    "KeyTooLongError": "the path is too long",
    "NoSuchBucket": "there is no such bucket",
    "NoSuchKey": "no such file",
    "PermanentRedirect": "the bucket is in another region",
    "PreconditionFailed": "the file changed while it was used",
    "RequestTimeTooSkewed": "the clocks of this machine and of the server differ too much",
    "SignatureDoesNotMatch": "the server does not accept the access key's secret",
    "SlowDown": "the server is asked too often",
    "TemporaryRedirect": "the bucket is in another region",
}
_BY_STATUS = {
    301: "the bucket is in another region",
    307: "the bucket is in another region",
    403: "the access key may not do this",
    404: "no such file",
    412: "the file changed while it was used",
    503: "the server is asked too often",
}


def refusal(step: str, answer: Answer) -> RemoteError:
    """Return the error for an answer; of the server's words only a code is taken."""
    code = ""
    try:
        root = xmltext.parse(answer.body) if answer.body else None
        code = root.value("Code") if root else ""
    except xmltext.XmlError:
        pass
    known = _SENTENCES.get(code)
    if known:
        return RemoteError(step, known)
    if _CODE.fullmatch(code):
        return RemoteError(step, f"the server answered {answer.status} ({code})")
    return RemoteError(step, _BY_STATUS.get(answer.status, f"the server answered {answer.status}"))
