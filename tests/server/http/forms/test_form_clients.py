"""Forms byte by byte as HTTP clients write them: the same recording and the same parameters come out of each."""

from __future__ import annotations

import base64
import json
import quopri
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from server.http.forms.form import read_form
from server.http.spool import Spool
from server.resources import Budget, Resource
from tests.server.http.conftest import assert_envelope
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT

PROMPT = "Füße, 3 = 4"
ANSWER = json.dumps([{"Start": 0, "End": 1, "Speaker": 0, "Content": PROMPT}], ensure_ascii=False)
"""What the scripted model answers to itself as a prompt."""


def body(*parts: tuple[bytes, bytes], boundary: bytes = b"xx", newline: bytes = b"\r\n") -> bytes:
    """Parts, each its header lines and its content, as a form."""
    whole = b""
    for head, content in parts:
        whole += b"--" + boundary + newline + head.replace(b"\n", newline) + newline * 2 + content + newline
    return whole + b"--" + boundary + b"--" + newline


def send(
    server: RunningServer, content: bytes | Iterator[bytes], content_type: str = "multipart/form-data; boundary=xx"
) -> httpx.Response:
    url = f"{server.url}/v1/audio/transcriptions"
    return httpx.post(url, content=content, headers={"content-type": content_type}, timeout=60)


NAMES = {
    "curl": b'Content-Disposition: form-data; name="file"; filename="a.wav"\nContent-Type: audio/wav',
    "no file name (Node's form-data with a Buffer, Guzzle with a string)": (
        b'Content-Disposition: form-data; name="file"\nContent-Length: 144044'
    ),
    "no file name and a type": b'Content-Disposition: form-data; name="file"\nContent-Type: application/octet-stream',
    ".NET": b"Content-Type: audio/wav\nContent-Disposition: form-data; name=file; filename=a; filename*=utf-8''a",
    ".NET with an encoded word": b'Content-Disposition: form-data; name=file; filename="=?utf-8?B?w7xiZXIud2F2?="',
    "requests with a file name that is not ASCII": (
        b"Content-Disposition: form-data; name=\"file\"; filename*=utf-8''%E8%AE%B0%E5%BD%95.wav"
    ),
    "RFC 5987 for the name": b"Content-Disposition: form-data; name*=utf-8''file; filename=a",
    "RFC 5987 with a language": b"content-disposition: form-data; name*=UTF-8'en'f%69le",
    "RFC 5987 in quotes (Apache HttpClient)": b'Content-Disposition: form-data; name="file"; filename*="UTF-8\'\'a"',
    "RFC 2231 in pieces (JavaMail)": b'Content-Disposition: form-data; name*0="fi"; name*1="le"',
    "an encoded word for the name": b'Content-Disposition: form-data; name="=?utf-8?Q?file?="; filename="a"',
    "single quotes": b"Content-Disposition: form-data; name='file'; filename='a.wav'",
    "other parameters": (
        b'Content-Disposition: form-data; filename="x; name=other"; size=3; name="file"; creation-date="today"'
    ),
    "no space and spaces": b'Content-Disposition:form-data;name = "file" ;filename="a"',
    "lower case (Dart)": b'content-type: audio/wav\ncontent-disposition: form-data; name="file"; filename="a"',
    "upper case": b'CONTENT-DISPOSITION: FORM-DATA; NAME="file"; FILENAME="A.WAV"',
    "brackets (PHP)": b'Content-Disposition: form-data; name="file[]"; filename="a.wav"',
    "an index": b'Content-Disposition: form-data; name="file[0]"; filename="a.wav"',
    "a capital": b'Content-Disposition: form-data; name="File"; filename="a.wav"',
    "attachment": b'Content-Disposition: attachment; name="file"; filename="a.wav"',
    "folded": b'Content-Disposition: form-data;\n\tname="file";\n filename="a.wav"\nContent-Type: audio/wav',
    "quotes and lines in the file name": b'Content-Disposition: form-data; name="file"; filename="a\\"b%0D%0A.wav"',
    "a path as file name": b'Content-Disposition: form-data; name="file"; filename="C:\\data\\a.wav"',
    "UTF-8 in the file name": 'Content-Disposition: form-data; name="file"; filename="记录🎤.wav"'.encode(),
    "Latin-1 in the file name": b'Content-Disposition: form-data; name="file"; filename="\xfcber.wav"',
    "an empty file name": b'Content-Disposition: form-data; name="file"; filename=""',
    "binary": (
        b'Content-Disposition: form-data; name="file"; filename="a"\nContent-Transfer-Encoding: binary\n'
        b"Content-Type: application/octet-stream; charset=ISO-8859-1"
    ),
    "headers that mean nothing": b'MIME-Version: 1.0\nContent-ID: <a@b>\nContent-Disposition: form-data; name="file"',
}


@pytest.mark.parametrize("head", NAMES.values(), ids=NAMES)
def test_the_recording_is_the_part_named_file(server: RunningServer, wav: bytes, head: bytes) -> None:
    prompt = b'Content-Disposition: form-data; name="prompt"'
    answer = send(server, body((head, wav), (prompt, ANSWER.encode())))
    assert answer.json().get("text") == PROMPT, answer.text


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "text before the first boundary": lambda form: b"This is a message in MIME format.\r\n" + form,
    "an empty line before it (old .NET)": lambda form: b"\r\n" + form,
    "text after the last one": lambda form: form + b"\r\nnothing more\r\n--xx\r\n",
    "no line end after it": lambda form: form.removesuffix(b"\r\n"),
    "spaces behind the boundaries": lambda form: form.replace(b"--xx\r\n", b"--xx \t\r\n"),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_what_stands_around_the_parts_does_not_matter(
    server: RunningServer, wav: bytes, frame: Callable[[bytes], bytes]
) -> None:
    assert send(server, frame(body((NAMES["curl"], wav)))).json()["text"] == TEXT


def test_lines_that_end_with_a_line_feed_alone(server: RunningServer, wav: bytes) -> None:
    """As scripts write them by hand, in PowerShell and shells."""
    form = (b'Content-Disposition: form-data; name="prompt"', ANSWER.encode())
    assert send(server, body((NAMES["curl"], wav), form, newline=b"\n")).json()["text"] == PROMPT


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/form-data; boundary="----=_Part_1_2.3"', b"----=_Part_1_2.3"),
        ("Multipart/Form-Data; Boundary=xx", b"xx"),
        ("multipart/form-data;boundary=xx;charset=UTF-8", b"xx"),
        ("multipart/form-data; charset=utf-8; boundary=xx;", b"xx"),
        ("multipart/form-data; boundary=" + "x" * 200, b"x" * 200),
        ('multipart/form-data; boundary="a b:c/d?e"', b"a b:c/d?e"),
    ],
)
def test_the_boundary_may_be_written_in_many_ways(
    server: RunningServer, wav: bytes, content_type: str, boundary: bytes
) -> None:
    assert send(server, body((NAMES["curl"], wav), boundary=boundary), content_type).json()["text"] == TEXT


@pytest.mark.parametrize("encoding", ["base64", "BASE64", "quoted-printable"])
def test_a_recording_that_is_written_as_in_a_mail(server: RunningServer, wav: bytes, encoding: str) -> None:
    content = base64.encodebytes(wav) if encoding.lower() == "base64" else quopri.encodestring(wav)
    head = NAMES["curl"] + f"\nContent-Transfer-Encoding: {encoding}".encode()
    answer = send(server, body((head, content), (b'Content-Disposition: form-data; name="stream"', b"false")))
    assert answer.json()["text"] == TEXT
    assert "notes" not in answer.json()


def test_large_recordings_go_to_the_disk_whatever_they_are_called(server: RunningServer) -> None:
    """Beyond what a field may have, so the name alone makes it a file; its bytes are those that were sent."""
    answer = send(server, body((b'Content-Disposition: form-data; name="file"', bytes(range(256)) * 100_000)))
    assert_envelope(answer, 415, "unsupported_format", "file")


def test_files_that_nobody_chose_are_no_files(server: RunningServer, wav: bytes) -> None:
    empty = b'Content-Disposition: form-data; name="file"; filename=""\nContent-Type: application/octet-stream'
    assert send(server, body((empty, b""), (NAMES["curl"], wav), (empty, b""))).json()["text"] == TEXT


def test_two_recordings_are_one_too_many(server: RunningServer, wav: bytes) -> None:
    assert_envelope(send(server, body((NAMES["curl"], wav), (NAMES["curl"], wav))), 400, "missing_file", "file")


def test_a_file_under_another_name_is_pointed_at(server: RunningServer, wav: bytes) -> None:
    head = b'Content-Disposition: form-data; name="audio_file"; filename="a.wav"'
    error = assert_envelope(send(server, body((head, wav))), 400, "missing_file", "file")
    assert "audio_file" in str(error["message"])


def test_who_sends_a_url_is_told_that_nothing_is_fetched(server: RunningServer) -> None:
    answer = send(server, body((b'Content-Disposition: form-data; name="url"', b"https://example.com/a.wav")))
    assert "fetches nothing" in str(assert_envelope(answer, 400, "missing_file", "file")["message"])


TEXTS = {
    "UTF-8": (b"", PROMPT.encode(), b""),
    "UTF-8, said so (Java)": (b"\nContent-Type: text/plain; charset=UTF-8", PROMPT.encode(), b""),
    "Latin-1, said so (Apache)": (b"\nContent-Type: text/plain; charset=ISO-8859-1", PROMPT.encode("latin-1"), b""),
    "Latin-1, not said (VBA)": (b"", PROMPT.encode("latin-1"), b""),
    "quoted-printable (Indy)": (
        b'\nContent-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: quoted-printable',
        b"F=C3=BC=\r\n=C3=9Fe, 3 =3D 4",
        b"",
    ),
    "base64": (b"\nContent-Transfer-Encoding: base64", base64.b64encode(PROMPT.encode()), b""),
    "8bit": (b"\nContent-Transfer-Encoding: 8bit", PROMPT.encode(), b""),
    "a Blob of a browser": (b'; filename="blob"\nContent-Type: text/plain', PROMPT.encode(), b""),
    "_charset_": (b"", PROMPT.encode("utf-16"), b"utf-16"),
}


@pytest.mark.parametrize(("head", "content", "charset"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("step", [1, 3, 1000])
async def test_texts_in_every_charset(head: bytes, content: bytes, charset: bytes, step: int) -> None:
    """However the body is cut on its way."""
    parts = [(b'Content-Disposition: form-data; name="prompt"' + head, content)]
    if charset:
        parts.append((b'Content-Disposition: form-data; name="_charset_"', charset))
    whole = body(*parts)
    spool = Spool(Budget(Resource.DISK, 1 << 20), Budget(Resource.MEMORY, 1 << 20))

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), step):
            yield whole[at : at + step]

    async with read_form("multipart/form-data; boundary=xx", chunks(), {"file"}, spool) as form:
        assert (form.fields[0].name, form.fields[0].value) == ("prompt", PROMPT)


def test_values_that_are_json_are_read_as_such(server: RunningServer, wav: bytes) -> None:
    """Retrofit puts every text through its converter."""
    head = b'Content-Disposition: form-data; name="prompt"\nContent-Type: application/json; charset=UTF-8'
    assert send(server, body((NAMES["curl"], wav), (head, json.dumps(ANSWER).encode()))).json()["text"] == PROMPT


def test_a_data_url_in_the_field_file(server: RunningServer, wav: bytes) -> None:
    """As a page's FileReader gives it."""
    url = b"data:audio/wav;base64," + base64.b64encode(wav)
    assert send(server, body((b'Content-Disposition: form-data; name="file"', url))).json()["text"] == TEXT
    answer = send(server, body((b'Content-Disposition: form-data; name="file"', url + b"?")))
    assert_envelope(answer, 400, "invalid_value", "file")


@pytest.mark.parametrize("sent", [0.1, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("length_told", [True, False])
def test_a_form_without_its_last_boundary_was_cut_off(
    server: RunningServer, wav: bytes, sent: float, length_told: bool
) -> None:
    form = body((NAMES["curl"], wav)).removesuffix(b"--xx--\r\n")
    cut = form[: int(len(form) * sent)]
    answer = send(server, cut if length_told else iter([cut]))
    assert "cut off" in str(assert_envelope(answer, 400, "invalid_form")["message"])


def test_the_last_boundary_may_lack_nothing_but_its_dashes(server: RunningServer, wav: bytes) -> None:
    """Another part could have followed."""
    answer = send(server, body((NAMES["curl"], wav)).removesuffix(b"--\r\n") + b"\r\n")
    assert "cut off" in str(assert_envelope(answer, 400, "invalid_form")["message"])


@pytest.mark.parametrize(
    ("content_type", "form", "told"),
    [
        ("multipart/form-data", body((NAMES["curl"], b"x")), "has no boundary"),
        ("multipart/form-data; boundary=", body((NAMES["curl"], b"x")), "has no boundary"),
        ("multipart/form-data; boundary=yy", body((NAMES["curl"], b"x")), "boundary that its Content-Type names"),
        ("multipart/form-data; boundary=xx; charset=klingon", body((NAMES["curl"], b"x")), "charset klingon"),
        ("multipart/form-data; boundary=xx", body((b"Content-Type: audio/wav", b"x")), "Content-Disposition"),
        ("multipart/form-data; boundary=xx", body((b"Content-Disposition: form-data", b"x")), "Content-Disposition"),
        ("multipart/form-data; boundary=xx", body((b"", b"x")), "Content-Disposition"),
        (
            "multipart/form-data; boundary=xx",
            body((NAMES["curl"] + b"\nContent-Transfer-Encoding: base64", b"?!")),
            "not valid base64",
        ),
        (
            "multipart/form-data; boundary=xx",
            body((NAMES["curl"] + b"\nContent-Transfer-Encoding: x-uuencode", b"x")),
            "x-uuencode is not known",
        ),
        (
            "multipart/form-data; boundary=xx",
            body((b'Content-Disposition: form-data; name="a"\nContent-Type: text/plain; charset=idna', b"x")),
            "charset idna",
        ),
        (
            "multipart/form-data; boundary=xx",
            body((b'Content-Disposition: form-data; name="a"\nContent-Type: text/plain; charset=rot13', b"x")),
            "charset rot13",
        ),
        (
            "multipart/form-data; boundary=xx",
            body((b'Content-Disposition: form-data; name="_charset_"', b"hex"), (NAMES["curl"], b"x")),
            "charset hex",
        ),
    ],
)
def test_what_is_wrong_with_a_form_is_said(server: RunningServer, content_type: str, form: bytes, told: str) -> None:
    assert told in str(assert_envelope(send(server, form, content_type), 400, "invalid_form")["message"])


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain", None]
)
def test_who_sends_no_form_is_told_how(server: RunningServer, wav: bytes, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", content=wav, headers=headers, timeout=60)
    assert "-F file=@" in str(assert_envelope(answer, 415, "unsupported_media_type")["message"])
