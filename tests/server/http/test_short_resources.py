"""When disk or memory runs short, requests that need much of it are told to come back; all others go on."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.http.conftest import assert_envelope
from tests.server.http.test_disconnects import connection
from tests.server.http.test_request_shapes import BOUNDARY, END, part
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import TEXT

PATH = "/v1/audio/transcriptions"
MIB = 1 << 20
SECONDS = 4.0
MEMORY = round(2 * SECONDS * 24_000 * 4)
"""The least that the longest recording leaves an operator."""


@pytest.fixture(scope="module")
def tight() -> Iterator[RunningServer]:
    """Little disk, little memory."""
    with running_server(spool_bytes=2 * MIB, memory_bytes=MEMORY, max_audio_seconds=SECONDS) as running:
        yield running


def post(server: RunningServer, wav: bytes) -> httpx.Response:
    return httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=60)


def in_pieces(content: bytes) -> Iterator[bytes]:
    """Without a length that is known before."""
    for at in range(0, len(content), 50_000):
        yield content[at : at + 50_000]


def assert_nothing_is_held(server: RunningServer) -> None:
    server.wait_for(lambda: server.service.spool.used == server.service.memory.used == 0, "all is given back")


@pytest.mark.parametrize("announced", [True, False])
def test_a_form_that_the_spool_has_no_room_for(tight: RunningServer, wav: bytes, announced: bool) -> None:
    refused = tight.metric("asr_rejections_total", reason="insufficient_storage")
    body = part("file", bytes(4 * MIB), "a.wav") + END
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    content = body if announced else in_pieces(body)
    answer = httpx.post(f"{tight.url}{PATH}", content=content, headers=headers, timeout=60)
    assert_envelope(answer, 503, "insufficient_storage")
    assert tight.metric("asr_rejections_total", reason="insufficient_storage") == refused + 1
    assert_nothing_is_held(tight)
    assert post(tight, wav).json()["text"] == TEXT


def test_a_recording_as_the_body(tight: RunningServer) -> None:
    answer = httpx.post(f"{tight.url}/v1/listen", content=in_pieces(bytes(4 * MIB)), timeout=60)
    assert (answer.status_code, answer.json()["err_code"]) == (503, "INSUFFICIENT_STORAGE")
    assert answer.headers["retry-after"]
    assert_nothing_is_held(tight)


def test_a_transcript_that_the_page_has_corrected(tight: RunningServer) -> None:
    for content, status in ((bytes(MIB), 503), (b"{}", 400)):
        answer = httpx.post(f"{tight.url}/web/transcript", content=content, timeout=60)
        assert answer.status_code == status
        assert_nothing_is_held(tight)


def test_a_recording_in_json(tight: RunningServer) -> None:
    body = json.dumps({"file": base64.b64encode(bytes(4 * MIB)).decode()}).encode()
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{tight.url}{PATH}", content=in_pieces(body), headers=headers, timeout=60)
    assert_envelope(answer, 503, "insufficient_storage")
    assert_nothing_is_held(tight)


def test_samples_that_there_is_no_memory_for(tight: RunningServer, wav: bytes) -> None:
    """The body itself goes to the disk then."""
    with tight.service.memory.share() as share:
        share.take(tight.service.memory.left)
        assert_envelope(post(tight, wav), 503, "insufficient_memory")
        assert tight.service.memory.used == MEMORY
    assert post(tight, wav).json()["text"] == TEXT
    assert_nothing_is_held(tight)


def test_the_longest_recording_has_to_fit() -> None:
    with (
        pytest.raises(ValueError, match="memory_bytes: recordings of max_audio_seconds need 768000"),
        running_server(max_audio_seconds=SECONDS, memory_bytes=MEMORY - 1),
    ):
        pass


def test_json_is_decoded_as_it_comes(server: RunningServer) -> None:
    """Of a long body that is not complete, next to nothing is held."""
    text = base64.b64encode(os.urandom(12 * MIB))
    begin = b'{"model": "whisper-1", "input_audio": {"format": "wav", "data": "'
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(begin) + len(text) + 100}\r\n\r\n"
    )
    with connection(server) as client:
        client.sendall(head.encode() + begin + text)
        server.wait_for(lambda: server.service.spool.used > 11 * MIB, "it is on the disk")
        assert server.service.memory.used < MIB
    assert_nothing_is_held(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="file systems are mounted by root")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wav: bytes) -> None:
    """The budget is larger than the disk: what the system says counts."""
    mounted = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)]
    if subprocess.run(mounted, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with running_server(spool_bytes=1 << 40) as full:
            for _ in range(20):
                large = httpx.post(f"{full.url}{PATH}", files={"file": bytes(12 * MIB)}, timeout=60)
                assert_envelope(large, 503, "insufficient_storage")
                assert_nothing_is_held(full)
            (tmp_path / "others").write_bytes(bytes(8 * MIB - 4_096))
            assert post(full, wav).json()["text"] == TEXT, "what is short needs no disk"
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
