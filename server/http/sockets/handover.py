"""A session leaves this process and comes to another one: in a token that its client carries."""

from __future__ import annotations

import zlib
from asyncio import to_thread
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from model.seam.audio import SAMPLE_RATE
from server.audio_in.opus import decoded, encoded
from server.http.auth.resume_tokens import NotSealed, ResumeTokens
from server.live.vocabulary.actions import Resume
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.resumption import Offer, Place, Refusal, Snapshot, Voice, Voices

GOOD_SECONDS: Final = 3600.0
"""A session can be resumed for so long."""
_VERSION: Final = 1
"""Of what is in a token: one that another version of the server has written otherwise is refused."""
_LEEWAY_SECONDS = 1.0
"""By which a token is taken for longer: the clocks of replicas differ."""
_VOICES_SECONDS = 16.0
"""Of all voices together; those that were heard last come first."""

Flushes = Mapping[int, Sequence[tuple[float, FlushId]]]
"""By channel, what the protocol asked for and was not answered: each when the audio has so many seconds."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A session as it is passed on.

    Attributes:
        name: of the session, over all its connections.
        snapshot: the protocol's.
        places: by channel.
        flushes: see Flushes.
    """

    name: str
    snapshot: Snapshot
    places: Mapping[int, Place]
    flushes: Flushes

    @property
    def audio_start(self) -> float:
        """Seconds of the session; audio from there on is needed by some channel."""
        return min(place.audio_from for place in self.places.values())


@dataclass(frozen=True, slots=True)
class _Token:
    """What is in a token. ``flushes``: the numbers of those of the protocol."""

    version: int
    name: str
    expires_at: float
    snapshot: dict[str, Any]
    places: dict[int, Place]
    flushes: dict[int, list[tuple[float, int]]]


@dataclass(frozen=True, slots=True)
class _Voice:
    """``size``: of the samples that ``opus`` (base64) stands for."""

    channel: int
    speaker: int
    text: str
    start: int
    size: int
    opus: str


@dataclass(frozen=True, slots=True)
class _VoicesToken:
    version: int
    name: str
    voices: list[_Voice]


_TOKEN = TypeAdapter(_Token)
_VOICES_TOKEN = TypeAdapter(_VoicesToken)


class ResumeRefused(Exception):  # noqa: N818 - it is the wish that is refused
    """No session goes on with what the client gave."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


class Handover:
    """Of one session with one client.

    Args:
        tokens: the server's.
        kind: the protocol's name: tokens of others are refused.
        digest: of the client's key.
        name: of the session, while it goes on from no other one.
    """

    def __init__(self, tokens: ResumeTokens, *, kind: str, digest: bytes, name: str) -> None:
        self._tokens = tokens
        self._kind = kind
        self._digest = digest
        self._name = name
        self._offered: set[tuple[int, int, int]] = set()  # the voices that the client has, by what they are of
        self._encoded: dict[tuple[int, int, int], _Voice] = {}

    async def voices_token(self, voices: Mapping[int, Voices]) -> str | None:
        """Of the voices of every channel, encoded in a thread; None where the last one is still good."""
        chosen = {_key(channel, voice): voice for channel, voice in _bounded(voices)}
        if not chosen or set(chosen) == self._offered:
            return None
        new = {key: voice for key, voice in chosen.items() if key not in self._encoded}
        made = await to_thread(lambda: {key: _packed(key[0], voice) for key, voice in new.items()})
        self._encoded = {key: made.get(key) or self._encoded[key] for key in chosen}
        self._offered = set(chosen)
        content = _VOICES_TOKEN.dump_json(_VoicesToken(_VERSION, self._name, list(self._encoded.values())))
        return self._tokens.sealed(content, purpose=f"{self._kind} voices", digest=self._digest)

    def offer(self, snapshot: Snapshot, places: Mapping[int, Place], flushes: Flushes, voices: str | None) -> Offer:
        """What the client gets: of the session as it stands, and ``voices`` where they are new."""
        passed = Passed(self._name, snapshot, places, flushes)
        numbers = {channel: [(at, flush.number) for at, flush in asked] for channel, asked in flushes.items()}
        token = _Token(_VERSION, self._name, time() + GOOD_SECONDS, dict(snapshot), dict(places), numbers)
        content = zlib.compress(_TOKEN.dump_json(token))
        sealed = self._tokens.sealed(content, purpose=self._kind, digest=self._digest)
        return Offer(sealed, voices, passed.audio_start)

    def passed(self, resume: Resume) -> Passed:
        """The session that the client wants to go on with. Raises ResumeRefused."""
        token = self._opened(resume.token, self._kind)
        try:
            session = _TOKEN.validate_json(zlib.decompress(token))
        except ValidationError:
            raise ResumeRefused(Refusal.INVALID) from None
        if session.version != _VERSION:
            raise ResumeRefused(Refusal.INVALID)
        if time() > session.expires_at + _LEEWAY_SECONDS:
            raise ResumeRefused(Refusal.EXPIRED)
        self._name = session.name
        flushes = {
            channel: [(at, FlushId(Asker.PROTOCOL, number)) for at, number in asked]
            for channel, asked in session.flushes.items()
        }
        return Passed(session.name, session.snapshot, session.places, flushes)

    async def voices(self, sealed: str | None) -> Mapping[int, Voices]:
        """The voices of the session that ``passed`` told, decoded in a thread. Raises ResumeRefused."""
        if sealed is None:
            return {}
        try:
            token = _VOICES_TOKEN.validate_json(self._opened(sealed, f"{self._kind} voices"))
        except ValidationError:
            raise ResumeRefused(Refusal.INVALID) from None
        if (token.version, token.name) != (_VERSION, self._name):
            raise ResumeRefused(Refusal.INVALID)
        unpacked = await to_thread(lambda: [(voice.channel, _unpacked(voice)) for voice in token.voices])
        voices: dict[int, Voices] = {}
        for channel, voice in unpacked:
            voices[channel] = (*voices.get(channel, ()), voice)
        return voices

    def _opened(self, token: str, purpose: str) -> bytes:
        try:
            return self._tokens.content(token, purpose=purpose, digest=self._digest)
        except NotSealed:
            raise ResumeRefused(Refusal.INVALID) from None


def _key(channel: int, voice: Voice) -> tuple[int, int, int]:
    return channel, voice.speaker, voice.start


def _bounded(voices: Mapping[int, Voices]) -> list[tuple[int, Voice]]:
    """Those of all channels that fit, in their order."""
    room, kept = _VOICES_SECONDS * SAMPLE_RATE, list[tuple[int, Voice]]()
    for channel, of_channel in voices.items():
        for voice in reversed(of_channel):
            if voice.samples.size <= room:
                room -= voice.samples.size
                kept.insert(0, (channel, voice))
    return kept


def _packed(channel: int, voice: Voice) -> _Voice:
    opus = b64encode(encoded(voice.samples)).decode()
    return _Voice(channel, voice.speaker, voice.text, voice.start, voice.samples.size, opus)


def _unpacked(voice: _Voice) -> Voice:
    return Voice(voice.speaker, voice.text, voice.start, decoded(b64decode(voice.opus), voice.size))
