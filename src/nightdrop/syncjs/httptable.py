"""The HTTP objects of the script API."""

from nightdrop.syncjs.model import Method, MethodKind, ObjectType, Origin, Param

_DOC, _READING, _OURS = Origin.SYNCJS, Origin.READING, Origin.OURS


def _set(name: str, doc: str, *params: Param, origin: Origin = _OURS, notes: tuple[str, ...] = ()) -> Method:
    return Method(name, params, "HttpCli", doc, origin, notes, None, MethodKind.CONFIGURE)


def _send(name: str, verb: str) -> Method:
    doc = f"Sends the request with {verb}."
    return Method(name, (), "HttpRes", doc, _DOC, (), "http.request", MethodKind.SEND, verb)


def _read(name: str, returns: str, doc: str, *params: Param, origin: Origin = _OURS, op: str | None = None) -> Method:
    return Method(name, params, returns, doc, origin, (), op)


_MANY = "string | string[]"

HTTP_CLI = ObjectType(
    "HttpCli",
    "An HTTP client.",
    _DOC,
    True,
    (
        _set("Url", "Sets the address, `http://` or `https://`.", Param("url"), origin=_READING),
        _set(
            "Timeout",
            "Sets the time limit of the whole request in seconds.",
            Param("seconds", "number"),
            origin=_READING,
            notes=("30 seconds unless set; 0 means the default.",),
        ),
        _set(
            "Header",
            "Sets a request header; setting it again replaces it.",
            Param("name"),
            Param("value"),
            origin=_READING,
        ),
        _set(
            "HeaderFromSecret",
            "Sets a request header from secrets, whose values the script never gets.",
            Param("name"),
            Param("template"),
            notes=(
                "In the template, the name of a secret in braces stands for its value: `Bearer {my-api-key}`.",
                "`{{` and `}}` stand for the braces themselves; a secret with braces in its name cannot be used.",
                "The values are put in when the request is sent. Without one of them there is no request.",
                "White space at both ends of a value is left out.",
                "A server that repeats the header in its answer gives the value to the script.",
                "The log shows `***` for the value. A redirect to another host does not take the header along.",
            ),
        ),
        _set(
            "ReqBody",
            "Sets the request body to a text, sent as UTF-8.",
            Param("body"),
            origin=_READING,
            notes=("Sets no content type.",),
        ),
        _set("ReqBodyBytes", "Sets the request body to bytes.", Param("bytes", "Uint8Array")),
        _set(
            "ReqJSON",
            "Sets the request body to the JSON form of a value.",
            Param("value", "unknown"),
            notes=("Sets `Content-Type: application/json` unless that header is set already.",),
        ),
        _set(
            "Form",
            "Adds a field to a form body; setting it again replaces it, an array gives several.",
            Param("name"),
            Param("value", _MANY),
            notes=("Sent as `application/x-www-form-urlencoded`.",),
        ),
        _set("ReqForm", "Sets the whole form body.", Param("form", "Record<string, string>")),
        _set(
            "Query",
            "Adds a query parameter; setting it again replaces it, an array gives several.",
            Param("name"),
            Param("value", _MANY),
        ),
        _set("BasicAuth", "Authenticates with user and password (RFC 7617).", Param("user"), Param("password")),
        _set("BearerToken", "Authenticates with a bearer token (RFC 6750).", Param("token")),
        _set(
            "FollowRedirects",
            "Whether redirects are followed, at most 10; yes unless set.",
            Param("follow", "boolean"),
            notes=("Credentials are dropped when a redirect leads to another host.",),
        ),
        _send("Get", "GET"),
        _send("Post", "POST"),
        _send("Put", "PUT"),
        _send("Patch", "PATCH"),
        _send("Delete", "DELETE"),
        _send("Head", "HEAD"),
        Method(
            "Do",
            (Param("customVerb"),),
            "HttpRes",
            "Sends the request with another verb.",
            _DOC,
            (),
            "http.request",
            MethodKind.SEND,
        ),
    ),
    (
        "Methods that configure return the same object, so they can be chained.",
        "What was set stays for the next request.",
        "Nothing throws: after a bad argument, or without an answer, `IsValid()` is false and the log says why.",
        "Certificates are verified. Proxies are not taken from the environment.",
        "A body may have 64 MiB, unless the site says otherwise.",
    ),
)

HTTP_RES = ObjectType(
    "HttpRes",
    "The response to an HTTP request.",
    _DOC,
    False,
    (
        _read("IsValid", "boolean", "Whether there was an answer at all, whatever its status.", origin=_READING),
        _read("StatusCode", "number", "The status, 0 when there was no answer.", origin=_DOC),
        _read("BodyAsString", "string", "The body as text.", origin=_DOC, op="http.text"),
        _read("BodyAsJSON", "any", "The body parsed as JSON; `null` when it is not JSON.", op="http.text"),
        _read("BodyAsBytes", "Uint8Array", "The body as bytes.", op="http.bytes"),
        _read(
            "SaveToFile",
            "boolean",
            "Writes the body to a file of the site, whole or not at all; tells whether that worked.",
            Param("path"),
            op="http.save",
        ),
        _read("Header", "string", 'One response header, `""` when missing; case does not matter.', Param("name")),
        _read("Headers", "Record<string, string>", "All response headers, names in lower case."),
        _read("Url", "string", "The address that answered, after redirects."),
        _read("Duration", "number", "How long it took, in milliseconds."),
        _read("Error", "string", 'Why there was no answer, `""` when there was one.'),
    ),
)
