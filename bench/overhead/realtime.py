"""The largest event of OpenAI's Realtime API: 15 MiB of audio in one message."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import partial

from websockets.sync.client import connect

from bench.overhead.line import ROUNDS, Line
from bench.overhead.watch import longest_block
from bench.support import service
from bench.support.report import Goal

APPEND_BYTES = 15 << 20
BLOCK_MS = 50.0
"""As for whole answers: a session beside this one must not miss the audio of its own."""


def lines(server: service.RunningServer) -> list[Line]:
    """The line about an append."""
    event = json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(bytes(APPEND_BYTES)).decode()})
    longest = min(1000 * longest_block(server.base, partial(_append, server.base, event)) for _ in range(ROUNDS))
    return [
        Line(
            f"Realtime, {APPEND_BYTES >> 20} MiB appended at once",
            f"{longest:.0f} ms in one go",
            [Goal("realtime-append-of-15-mib-blocks-the-loop-for-ms", longest, BLOCK_MS, at_least=False)],
        )
    ]


def _append(base: str, event: str) -> None:
    """Events are taken one behind the other, so the audio was taken when the next one is answered."""
    url = base.replace("http", "ws", 1) + "/v1/realtime?intent=transcription"
    with connect(url, max_size=None, open_timeout=60) as session:
        session.send(event)
        session.send(json.dumps({"type": "input_audio_buffer.clear"}))
        while json.loads(session.recv())["type"] != "input_audio_buffer.cleared":
            pass
