"""The mail of the script API."""

from nightdrop.syncjs.model import Function, Method, ObjectType, Origin, Param, Property

_READING, _OURS = Origin.READING, Origin.OURS
_MANY = "string | string[]"

SEND_MAIL = Function(
    "SendMail",
    (
        Param("from"),
        Param("to", _MANY),
        Param("subject"),
        Param("body"),
        Param("attachments", _MANY, optional=True),
    ),
    "boolean",
    "Sends a mail by the mail server of the site; true when the server has accepted it for every recipient.",
    _READING,
    (
        "Several recipients, and several attachments, have commas between them.",
        '`from` may be `""`: then the setting `smtp_from` of the site is the sender.',
        "An attachment is a file in the site's directories, or a mask such as `reports/*.csv`.",
        "A recipient that the server refuses makes it false; the others get the mail.",
        "It never throws; the reason of a failure is a line in the run's log.",
    ),
    "mail.send",
)


def _field(name: str, doc: str, kind: str = _MANY) -> Property:
    return Property(name, kind, "", doc, _OURS)


MAIL_MESSAGE = ObjectType(
    "MailMessage",
    "A mail, for what `SendMail` cannot say.",
    _OURS,
    constructible=True,
    fields=(
        _field("From", 'The sender; the setting `smtp_from` of the site when it is `""`.', "string"),
        _field("To", "The recipients."),
        _field("Cc", "Recipients of a copy."),
        _field("Bcc", "Recipients whom the others do not see."),
        _field("ReplyTo", "Who shall get the answers."),
        _field("Subject", "The subject, one line.", "string"),
        _field("Text", "The message as plain text.", "string"),
        _field("HTML", "The message as HTML; with `Text` as well, readers choose.", "string"),
    ),
    methods=(
        Method(
            "AddAttachment",
            (Param("path"),),
            "MailMessage",
            "Adds a file of the site's directories; it is read when the mail is sent.",
            _OURS,
        ),
        Method(
            "Send",
            (),
            "boolean",
            "Sends it; true when the server has accepted it for every recipient.",
            _OURS,
            ("It can be changed and sent again.",),
            "mail.send",
        ),
    ),
    notes=(
        "Addresses are written `me@example.com` or `My Name <me@example.com>`; several with commas, or as an array.",
        "A mail may have 100 recipients, 100 attachments and 25 MiB of them, 5 MiB of text, 900 characters of subject.",
        "No call throws: a failure is `false`, and the log says why.",
    ),
)
