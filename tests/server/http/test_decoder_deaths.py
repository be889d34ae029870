"""A decoder that dies is the server's fault, in every protocol, and its client may come again."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from server.audio_in import container_process, process
from server.audio_in.launch import Child
from tests.server.audio_in.audio_media import Format, media
from tests.server.http.conftest import assert_envelope
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """Its decoders are its own: none has been up before a test."""
    with running_server(decode_processes=1) as running:
        yield running


@pytest.fixture
def no_decoders(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """None comes up until that is undone."""
    for module in (process, container_process):
        monkeypatch.setattr(module, "Child", lambda _, *pipes, arguments=(): Child("no_such_module", *pipes))
    return monkeypatch


def test_an_upload_hears_when_to_come_again_and_is_answered_then(
    server: RunningServer, wav: bytes, no_decoders: pytest.MonkeyPatch
) -> None:
    before = dict(server.service.decoders.deaths)
    answer = httpx.post(server.url + TRANSCRIPTIONS, files={"file": wav}, timeout=60)
    assert_envelope(answer, 503, "decoder_failed")
    assert int(answer.headers["retry-after"]) >= 1
    assert server.service.decoders.deaths["start_failed"] == before["start_failed"] + 2
    no_decoders.undo()
    assert httpx.post(server.url + TRANSCRIPTIONS, files={"file": wav}, timeout=60).json()["text"] == TEXT


@pytest.mark.usefixtures("no_decoders")
def test_deepgram_hears_it_in_its_own_shape(server: RunningServer, wav: bytes) -> None:
    for decoder in list(server.service.decoders._idle):
        decoder.kill()
    answer = httpx.post(f"{server.url}/v1/listen", content=wav, headers={"content-type": "audio/wav"}, timeout=60)
    assert answer.status_code == 503
    assert answer.json()["err_code"] == "DECODER_FAILED"
    assert answer.headers["retry-after"]


@pytest.mark.usefixtures("no_decoders")
def test_a_session_ends_as_one_that_the_server_failed(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    before = server.service.decoders.deaths["start_failed"]
    with connect(f"{server.url.replace('http', 'ws')}/v1/listen", proxy=None) as socket:
        socket.send(media(Format("webm", "libopus"), 48_000))
        with pytest.raises(ConnectionClosedError):
            list(socket)
    assert socket.close_code == 1011
    assert server.service.decoders.deaths["start_failed"] == before + 2
    assert not [record for record in caplog.records if record.getMessage() == "unexpected error"]
