"""What the headers of a part say: which field it is, and how its content is written."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from email import message_from_string
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import Final

from server.http.forms.errors import InvalidForm

_DISPOSITION: Final = "content-disposition"
_NO_CHARSETS: Final = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""What Python decodes and nobody writes texts in; some of it takes it very long."""
_MAX_PARAMETERS: Final = 100
"""Reading them takes time that grows with their square. A file name may have some semicolons in it."""
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary", "identity", "none"})


@dataclass(frozen=True, slots=True)
class PartHeaders:
    """A part's headers, read.

    Attributes:
        name: the field's.
        filename: as the client gives it, with any path; None where it names no file.
        content_type: in lower case, without parameters.
        charset: of a text, where the part names one.
        encoding: ``base64``, ``quoted-printable``, or None where the content is written as it is.
    """

    name: str
    filename: str | None
    content_type: str
    charset: str | None
    encoding: str | None


def read_headers(lines: bytes) -> PartHeaders:
    """The header lines of a part. Names count in any case, folded lines, tokens, quotes and comments as in mails.

    A name may be written plainly (UTF-8 or Latin-1), by RFC 2231 and 5987 (``name*=utf-8''file``), or as an encoded
    word (``=?utf-8?Q?file?=``), in double, single or no quotes. Raises InvalidForm for a part without a name.
    """
    if lines.count(b";") > _MAX_PARAMETERS:
        raise InvalidForm(f"The headers of a part may have {_MAX_PARAMETERS} parameters.")
    message = message_from_string(decoded_text(lines, None))
    name = _parameter(message, "name")
    if name is None:
        raise InvalidForm('Each part needs a header "Content-Disposition: form-data; name=...".')
    return PartHeaders(
        name,
        _parameter(message, "filename"),
        message.get_content_type() if "content-type" in message else "",
        _charset(message),
        _encoding(str(message.get("content-transfer-encoding", ""))),
    )


def boundary_of(content_type: str) -> bytes:
    """The boundary that a form's Content-Type names. Raises InvalidForm where it names none."""
    boundary = _parameter(_content_type(content_type), "boundary", "content-type")
    if not boundary:
        raise InvalidForm(
            "The Content-Type multipart/form-data has no boundary. "
            "Let the HTTP client that writes the form write this header too, instead of setting it yourself."
        )
    return boundary.encode("latin-1", "replace")


def charset_of(content_type: str) -> str | None:
    """The charset that a form's Content-Type names for its texts. Raises InvalidForm for one that is not known."""
    return _charset(_content_type(content_type))


def _content_type(value: str) -> Message:
    message = Message()
    message["content-type"] = value
    return message


def decoded_text(data: bytes, charset: str | None) -> str:
    """``data`` as text: in the charset that was named, otherwise UTF-8, and where it is not that, Latin-1."""
    try:
        return data.decode(charset or "utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parameter(message: Message, name: str, header: str = _DISPOSITION) -> str | None:
    try:
        value = message.get_param(name, header=header)
        text = "" if value is None else collapse_rfc2231_value(value).strip()
    except ValueError:  # a number of thousands of digits, where RFC 2231 counts the pieces of a value
        value = None
    if value is None:
        return None
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1]
    if "=?" in text:
        try:
            text = str(make_header(decode_header(text)))
        except (LookupError, ValueError, MessageError):  # it only looks like an encoded word
            return text
    return text


def _charset(message: Message) -> str | None:
    charset = _parameter(message, "charset", "content-type")
    if not charset:
        return None
    try:
        name = codecs.lookup(charset).name
        b"a".decode(name, "replace")  # codecs are also what makes base64 of bytes; of no byte any makes a text
    except (LookupError, ValueError):
        name = ""
    if not name or name in _NO_CHARSETS:
        raise InvalidForm(f"The charset {charset[:40]} is not known; write texts in UTF-8.")
    return name


def _encoding(value: str) -> str | None:
    encoding = value.partition(";")[0].strip().lower()
    if encoding in _IDENTITY:
        return None
    if encoding in {"base64", "quoted-printable"}:
        return encoding
    raise InvalidForm(f"A part's Content-Transfer-Encoding {encoding[:40]} is not known; write it as binary.")
