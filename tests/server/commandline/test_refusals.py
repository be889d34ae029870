"""What a person is told when a server cannot, and how long is waited for it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.commandline.client import patience
from server.commandline.client.connection import Connection
from tests.server.commandline.conftest import PATH, Here
from tests.server.http.conftest import tone
from tests.support.stub_server import READY, Reply, Stub, events, refusal, transcribed


@pytest.fixture
def talk(tmp_path: Path) -> str:
    file = tmp_path / "talk.wav"
    file.write_bytes(b"RIFF" * 50_000)
    return str(file)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited, without waiting."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(patience, "sleep", sleep)
    return waited


def test_the_result_alone_is_printed(here: Here, stub: Stub, talk: str) -> None:
    status, printed, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, printed) == (0, "Words.\n")
    assert "talk.wav: 0:10 of audio in" in said
    assert "A note." in said


def test_quiet_says_nothing(here: Here, stub: Stub, talk: str) -> None:
    assert here(["transcribe", talk, "-s", stub.url, "-q"]) == (0, "Words.\n", "")


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that is taken, so that nobody begins to listen there, and on which nobody does."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_nobody_listens(here: Here, talk: str, deaf: int) -> None:
    status, printed, said = here(["transcribe", talk, "-s", f"127.0.0.1:{deaf}"])
    assert (status, printed) == (1, "")
    assert "Nobody answers at http://127.0.0.1:" in said
    assert "Connection refused" in said
    assert "Traceback" not in said


def test_live_tells_it_in_the_same_words(here: Here, tmp_path: Path, deaf: int) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(0.1))
    status, printed, said = here(["live", "talk.wav", "-s", f"127.0.0.1:{deaf}"])
    assert (status, printed) == (1, "")
    assert said == (
        f"vibevoice-asr: Nobody answers at http://127.0.0.1:{deaf} (Connection refused): is the server running, and is "
        "that its address?\n"
    )


def test_a_server_without_tls() -> None:
    incoming = ssl.MemoryBIO()
    handshake = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="a.example")
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as failed:
        handshake.do_handshake()
    told = Connection.to("https://a.example", None).unreachable(failed.value).message
    assert "Nobody answers at https://a.example (TLS: " in told


def test_a_server_wants_a_key(here: Here, stub: Stub, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.replies[PATH] = [refusal(401, "Incorrect API key.")]
    status, _, said = here(["transcribe", talk, "-s", stub.url])
    assert status == 1
    assert "wants a key: set VIBEVOICE_API_KEY" in said
    monkeypatch.setenv("VIBEVOICE_API_KEY", "wrong")
    _, _, said = here(["transcribe", talk, "-s", stub.url])
    assert "does not take this key: Incorrect API key." in said
    assert "wrong" not in said
    assert stub.asked[-1][1]["authorization"] == "Bearer wrong"


def test_a_file_that_is_too_large_is_told_and_not_sent_again(here: Here, stub: Stub, talk: str) -> None:
    stub.replies[PATH] = [refusal(413, "The body is larger than 100 bytes.")]
    status, _, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, "larger than 100 bytes" in said) == (1, True)
    assert sum(path == PATH for path, *_ in stub.asked) == 1


def test_a_busy_server_is_asked_again_when_it_says(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    stub.replies[PATH] = [refusal(429, "Full.", retry_after="7"), transcribed(text="Words.")]
    status, printed, said = here(["transcribe", talk, "-s", stub.url, "-v"])
    assert (status, printed) == (0, "Words.\n")
    assert waits == [7.0]
    assert "Full. Trying again in 7 s." in said


def test_a_busy_server_is_not_waited_for_for_ever(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    stub.replies[PATH] = [refusal(429, "Full.", retry_after="7")]
    status, _, said = here(["transcribe", talk, "-s", stub.url, "--wait", "20"])
    assert (status, sum(waits)) == (1, 20.0)
    assert said.rstrip().endswith("talk.wav: Full.")


def test_what_makes_no_sense_to_send_again_is_not(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    stub.replies[PATH] = [refusal(503, "Never.", x_should_retry="false")]
    assert here(["transcribe", talk, "-s", stub.url])[0] == 1
    assert waits == []


def test_a_model_that_loads_is_waited_for(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    stub.replies[READY] = [Reply(503, {"status": "starting"}), Reply(200, {"status": "ready"})]
    status, printed, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, printed, len(waits)) == (0, "Words.\n", 1)
    assert "The server is not ready (starting)." in said


def test_a_model_that_cannot_be_loaded_is_told(here: Here, stub: Stub, talk: str) -> None:
    stub.replies[READY] = [Reply(503, {"status": "failed", "reason": "There is no such checkpoint."})]
    status, _, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, "cannot load its model: There is no such checkpoint." in said) == (1, True)


def test_why_a_model_cannot_be_loaded_here_is_told_once(here: Here, talk: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    status, printed, said = here(["transcribe", talk, "--model", str(tmp_path)])
    assert (status, printed) == (1, "")
    assert said.startswith("vibevoice-asr: The model cannot be loaded: ")
    assert said.count("\n") == 1, said


def test_something_else_listens(here: Here, stub: Stub, talk: str) -> None:
    stub.replies[PATH] = [Reply(404, b"<html>", {"content-type": "text/html"})]
    status, _, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, "not as a VibeVoice-ASR server does" in said) == (1, True)


def test_an_answer_that_breaks_off_is_asked_for_again(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    progress = {"type": "transcription.progress", "progress": {"audio_seconds": 10.0, "audio_seconds_done": 4.0}}
    died = {"error": {"message": "The worker died.", "type": "server_error", "code": "worker_died"}}
    stub.replies[PATH] = [events(progress, cut=True), events(progress, died), transcribed(text="Words.")]
    status, printed, _ = here(["transcribe", talk, "-s", stub.url])
    assert (status, printed, len(waits)) == (0, "Words.\n", 2)


def test_an_error_in_the_answer_that_stays_is_told(here: Here, stub: Stub, talk: str, waits: list[float]) -> None:
    stub.replies[PATH] = [events({"error": {"message": "It kills workers.", "code": "poison_request"}})]
    status, _, said = here(["transcribe", talk, "-s", stub.url])
    assert (status, "It kills workers." in said, waits) == (1, True, [])


@pytest.mark.parametrize("address", ["ftp://a.example", "http://", "http://a:port"])
def test_an_address_that_is_none(here: Here, talk: str, address: str) -> None:
    status, _, said = here(["transcribe", talk, "-s", address])
    assert (status, "is not the address" in said) == (2, True)


def test_flags_become_fields_of_the_request(here: Here, stub: Stub, talk: str, tmp_path: Path) -> None:
    clip = tmp_path / "ada.wav"
    clip.write_bytes(b"RIFF")
    flags = ["--hotwords", "Grün, Ada", "--initial_prompt", "A ward round.", "--language", "de", "--word_timestamps"]
    more = ["--speaker", f"Ada={clip}", "--no-speakers", "--channels", "split", "--max_line_width", "32"]
    assert here(["transcribe", talk, "-s", f"{stub.url}/v1", *flags, *more])[0] == 0
    body = stub.asked[-1][2].decode("utf-8", "replace")
    fields = [
        ("prompt", "A ward round."),
        ("language", "de"),
        ("hotwords[]", "Grün"),
        ("hotwords[]", " Ada"),
        ("timestamp_granularities[]", "word"),
        ("known_speaker_names[]", "Ada"),
        ("known_speaker_references[]", "UklGRg=="),
        ("speaker_labels", "false"),
        ("channels", "split"),
        ("max_line_width", "32"),
        ("stream", "true"),
        ("formats[]", "text"),
    ]
    for name, value in fields:
        assert f'name="{name}"\r\n\r\n{value}\r\n' in body
    assert 'filename="talk.wav"' in body


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe", "talk.wav"],
        ["transcribe", "talk.wav", "--detach"],
        ["transcribe", "talk.wav", "--background"],
        ["jobs", "list"],
        ["jobs", "show", "a"],
        ["jobs", "watch", "a"],
        ["jobs", "result", "a"],
        ["jobs", "delete", "a"],
    ],
)
def test_a_web_server_that_answers_everything_with_its_page(
    here: Here, stub: Stub, talk: str, waits: list[float], arguments: list[str]
) -> None:
    """As of a development server or a login page: it takes everything, and is none of ours."""
    page = Reply(200, b"<html>", {"content-type": "text/html"})
    paths = (READY, PATH, "/v1/jobs", "/v1/jobs/a", "/v1/jobs/a/events", "/v1/jobs/a/result")
    stub.replies |= {path: [page] for path in paths}
    status, printed, said = here([*arguments, "-s", stub.url])
    assert (status, printed, waits) == (1, "", [])
    assert f"{stub.url} answers 200 and not as a VibeVoice-ASR server does: is that its address?\n" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("key", ["", " ", "\r\n"])
def test_a_key_of_blanks_is_none(here: Here, stub: Stub, talk: str, key: str) -> None:
    assert here(["transcribe", talk, "-s", stub.url, "--api-key", key])[:2] == (0, "Words.\n")
    assert "authorization" not in stub.asked[-1][1]


def test_blanks_around_a_key_are_none_of_it(here: Here, stub: Stub, talk: str) -> None:
    """As its file ends with a line end."""
    assert here(["transcribe", talk, "-s", stub.url, "--api-key", " sesame\r\n"])[0] == 0
    assert stub.asked[-1][1]["authorization"] == "Bearer sesame"


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_a_key_that_no_request_can_have_is_told(here: Here, stub: Stub, talk: str, key: str) -> None:
    for arguments in (["transcribe", talk], ["live", talk], ["jobs", "list"]):
        status, printed, said = here([*arguments, "-s", stub.url, "--api-key", key])
        assert (status, printed) == (2, "")
        assert said == "vibevoice-asr: The key (--api-key, VIBEVOICE_API_KEY) has characters that no key has.\n"
