"""Clients of no sense: whole sessions made up by a seeded generator, and sent over a real socket."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Frame, Opcode

from model.seam.audio import SAMPLE_RATE
from tests.support.samples import SHORT, TWO_SPEAKERS
from tests.support.scripted_runner import Trouble

Message = str | bytes


@cache
def speech() -> bytes:
    """Two people, as 16-bit samples at 24 kHz."""
    samples = soundfile.read(TWO_SPEAKERS, dtype="int16")[0]
    return np.asarray(samples).astype("<i2").tobytes()


def some_speech(random: Random) -> bytes:
    """A part of it, cut at any byte."""
    seconds = random.choice((0, 0.0001, 0.02, 0.1, 0.5, 4.0))
    start = random.randrange(len(speech()))
    return speech()[start : start + random.randrange(round(seconds * 2 * SAMPLE_RATE) + 1)]


def some_bytes(random: Random) -> bytes:
    return random.randbytes(random.choice((0, 1, 7, 1000, 100_000)))


def some_text(random: Random) -> str:
    """Text frames that are no event of any protocol."""
    return random.choice(
        (
            "",
            "nonsense",
            "[" * 10_000,
            '{"type":',
            '{"type": null}',
            '{"type": "\\ud800"}',
            '["type"]',
            '{"type": "input_audio_buffer.append", "audio": NaN}',
            '{"type": "Finalize", "extra": 1e999}',
            "\x00\x01\u2028ÿ" * 100,
            json.dumps({"type": "x" * 10_000}),
        )
    )


# ---------------------------------------------------------------------------------------------------------- protocols


def realtime_message(random: Random) -> Message:
    """An event of a Realtime client, perhaps one that cannot be honoured."""
    kind = random.choices(
        ("append", "commit", "clear", "update", "legacy", "elsewhere", "text", "bytes"), (12, 3, 1, 2, 1, 1, 1, 1)
    )[0]
    match kind:
        case "append":
            audio = random.choices((b64encode(some_speech(random)).decode(), "AAA", "ÄÖ", 7, None), (20, 1, 1, 1, 1))[0]
            return json.dumps({"type": "input_audio_buffer.append", "audio": audio})
        case "commit" | "clear":
            return json.dumps({"type": f"input_audio_buffer.{kind}", "event_id": random.choice(("mine", None, 3))})
        case "update":
            given = {"input": dict(random.sample(list(_input_fields(random).items()), 2))}
            return json.dumps({"type": "session.update", "session": {"type": "transcription", "audio": given}})
        case "legacy":
            sound = random.choice(("pcm16", "g711_ulaw", "g711_alaw", "mp3"))
            return json.dumps({"type": "transcription_session.update", "session": {"input_audio_format": sound}})
        case "elsewhere":
            return json.dumps({"type": random.choice(("response.create", "conversation.item.delete", "no.such"))})
        case "text":
            return some_text(random)
        case _:
            return some_bytes(random)


def _input_fields(random: Random) -> dict[str, Any]:
    turns: list[dict[str, Any] | None] = [
        None,
        {"type": "server_vad", "silence_duration_ms": random.choice((0, 100, 500)), "threshold": random.random()},
        {"type": "semantic_vad", "eagerness": "high"},
        {"threshold": -1},
    ]
    return {
        "turn_detection": random.choice(turns),
        "format": random.choice(({"type": "audio/pcm", "rate": random.choice((8_000, 24_000, 48_000))}, {"rate": 1})),
        "transcription": random.choice(
            ({"prompt": "Ms. Grün"}, {"prompt": Trouble.BAD_PROMPT}, {"keywords": ["a"] * 9_000}, None)
        ),
    }


def listen_message(random: Random) -> Message:
    """A frame of a Deepgram client, perhaps one that cannot be honoured."""
    kind = random.choices(
        ("audio", "KeepAlive", "Finalize", "Configure", "CloseStream", "empty", "text", "bytes"),
        (16, 1, 3, 1, 0.3, 0.2, 1, 1),
    )[0]
    match kind:
        case "audio":
            return some_speech(random) or b"\x00"
        case "Configure":
            terms = random.choice((["Grün"], None, ["x" * 20_000], 3))
            return json.dumps({"type": kind, "keyterms": terms})
        case "empty":
            return b""
        case "text":
            return some_text(random)
        case "bytes":
            return some_bytes(random)
        case _:
            return json.dumps({"type": kind})


def listen_query(random: Random) -> str:
    """What a Deepgram client wants: raw audio, mostly of the kind that it sends."""
    encoding = random.choice(("linear16", "linear16", "linear32", "mulaw"))
    rate, channels = random.choice((8_000, 24_000, 24_000, 44_100)), random.choice((1, 1, 2))
    wanted = random.choice(("", "&interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true"))
    split = random.choice(("", "&multichannel=true"))
    return f"?encoding={encoding}&sample_rate={rate}&channels={channels}&diarize=true{wanted}{split}"


def flux_message(random: Random) -> Message:
    """A frame of a Flux client, perhaps one that cannot be honoured."""
    kind = random.choices(
        ("audio", "KeepAlive", "ForceEndTurn", "Configure", "CloseStream", "empty", "text", "bytes"),
        (16, 1, 3, 3, 0.3, 0.2, 0.2, 1),
    )[0]
    match kind:
        case "audio":
            return some_speech(random)
        case "Configure":
            thresholds = random.choice(({"eot_threshold": random.random()}, {"eager_eot_threshold": None}, None, 3))
            return json.dumps({"type": kind, "keyterms": random.choice((["Grün"], None)), "thresholds": thresholds})
        case "empty":
            return b""
        case "text":
            return some_text(random)
        case "bytes":
            return some_bytes(random)
        case _:
            return json.dumps({"type": kind})


def flux_query(random: Random) -> str:
    """What a Flux client wants, with turns that end soon."""
    eager = random.choice(("", "&eager_eot_threshold=0.3&eot_threshold=0.5"))
    return f"?model=flux-general-en&encoding=linear16&sample_rate=24000{eager}"


def container_message(random: Random) -> Message:
    """A frame of a client that sends a recording as a file is, with some damage."""
    whole = SHORT.read_bytes()
    start = random.randrange(len(whole)) if random.random() < 0.3 else 0
    return random.choice((whole, whole[start : start + 5_000], some_bytes(random), '{"type":"Finalize"}'))


# ------------------------------------------------------------------------------------------------------------- ends


async def _half_a_frame(connection: ClientConnection, random: Random) -> None:
    """The head of a frame and some of its content."""
    whole = Frame(random.choice((Opcode.TEXT, Opcode.BINARY)), b"{" * 1000).serialize(mask=True)
    connection.transport.write(whole[: random.randrange(1, len(whole))])


async def _half_a_message(connection: ClientConnection, random: Random) -> None:
    """The first of several frames, and then one of another message, which is forbidden."""
    for opcode in (Opcode.TEXT, random.choice((Opcode.CONT, Opcode.BINARY))):
        connection.transport.write(Frame(opcode, b'{"type"', fin=False).serialize(mask=True))


async def _no_frame(connection: ClientConnection, random: Random) -> None:
    connection.transport.write(random.randbytes(200))


async def _no_utf8(connection: ClientConnection, random: Random) -> None:
    connection.transport.write(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))


async def _pings(connection: ClientConnection, random: Random) -> None:
    for opcode in (Opcode.PING, Opcode.PONG, Opcode.PING):
        connection.transport.write(Frame(opcode, random.randbytes(random.randrange(125))).serialize(mask=True))


async def _close_frame(connection: ClientConnection, random: Random) -> None:
    """A close frame, and audio behind it."""
    connection.transport.write(Frame(Opcode.CLOSE, Close(4321, "so there").serialize()).serialize(mask=True))
    connection.transport.write(Frame(Opcode.BINARY, bytes(10_000)).serialize(mask=True))


async def _nothing(connection: ClientConnection, random: Random) -> None:
    pass


async def _close(connection: ClientConnection, random: Random) -> None:
    await connection.close(random.choice((1000, 1001, 4000)))


async def _wait(connection: ClientConnection, random: Random) -> None:
    """Until the server is tired of it."""
    async for _ in connection:
        pass


_ENDS = (_half_a_frame, _half_a_message, _no_frame, _no_utf8, _pings, _close_frame, _nothing, _close, _wait)


@dataclass(frozen=True, slots=True)
class Client:
    """``path`` and query of one connection, ``message``: what it may send next."""

    path: str
    message: Callable[[Random], Message]


def some_client(random: Random) -> Client:
    if random.random() < 0.5:
        return Client("/v1/realtime", realtime_message)
    if random.random() < 0.3:
        return Client("/v2/listen" + flux_query(random), flux_message)
    if random.random() < 0.15:
        path = random.choice(("/v1/listen", "/v1/listen?multichannel=true", "/v2/listen"))
        return Client(path, container_message)
    return Client("/v1/listen" + listen_query(random), listen_message)


async def misbehave(address: str, seed: int) -> None:
    """One session from the handshake to an end of some kind."""
    random = Random(seed)
    client, end = some_client(random), random.choice(_ENDS)
    reads = random.random() < 0.8
    with suppress(ConnectionClosed, ConnectionError):
        async with connect(
            address + client.path, proxy=None, open_timeout=60, max_queue=None if reads else 1
        ) as connection:
            await _send(connection, client, random)
            await end(connection, random)
            connection.transport.abort()


async def _send(connection: ClientConnection, client: Client, random: Random) -> None:
    for _ in range(random.randrange(40)):
        message = client.message(random)
        for _ in range(300 if len(message) < 200 and random.random() < 0.03 else 1):
            if random.random() < 0.1 and len(message) > 2:
                cut = random.randrange(1, len(message))
                await connection.send([message[:cut], message[cut:]])
            else:
                await connection.send(message)
        if random.random() < 0.3:
            await asyncio.sleep(0)
