"""What a session has to know of another one to go on where that one stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from model.seam.audio import SAMPLE_RATE, Samples
from server.live.vocabulary.actions import Action
from server.live.vocabulary.ear_places import GatePlace, TurnPlace
from server.transcript.segments import Segment

Snapshot = Mapping[str, Any]
"""A protocol's own state, as JSON has it."""

_ROUNDED = 0.05
"""Seconds by which audio that is sent again may begin late and still be all that is needed: clients round."""


@dataclass(frozen=True, slots=True)
class Said:
    """A segment of the session's text, as far as it is committed. Times: seconds of the session."""

    index: int
    start: float
    end: float
    speaker: int | None
    text: str
    avg_logprob: float | None = None

    @classmethod
    def of(cls, segment: Segment) -> Said:
        return cls(segment.index, segment.start, segment.end, segment.speaker, segment.text, segment.avg_logprob)

    @property
    def segment(self) -> Segment:
        return Segment(self.index, self.start, self.end, self.speaker, self.text, self.avg_logprob)


@dataclass(frozen=True, slots=True)
class Voice:
    """Something that a speaker said: by it the model knows him again. ``start``: its first sample in the session."""

    speaker: int
    text: str
    start: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where the text of a channel stands. Places in audio are samples of the session.

    Attributes:
        heard: pieces of audio that the model has: the first sample of each, and the one behind its last.
        fills: behind which sample silence was filled in, and how many samples.
        closed: segments of this audio that are closed, and each as the model wrote it.
        introduced: speakers whose voices stand in front of this audio.
        level: gain and divisor for it; None where they were not taken yet.
        closed_until: where the last closed segment ends, in seconds.
        segments: that were begun; the next one has this index.
        open: the segment of which words are committed, with these.
        words_end: where they end, in seconds.
        sounds_until: where the last sound ends that was told.
    """

    heard: tuple[tuple[int, int], ...]
    fills: tuple[tuple[int, int], ...]
    closed: tuple[tuple[Said, str], ...]
    introduced: tuple[int, ...]
    level: tuple[float, float] | None
    closed_until: float
    segments: int
    open: Said | None
    words_end: float
    sounds_until: float = 0.0

    def behind(self, first: int, closed: tuple[tuple[Said, str], ...]) -> TextPlace:
        """Without the audio before this sample; ``closed``: those whose audio is left. Who spoke before is introduced.

        Where no audio is left, the next window begins with a level of its own and with everybody's voice.
        """
        heard = _behind(self.heard, first)
        if not heard:
            return replace(self, heard=(), fills=(), closed=(), introduced=(), level=None)
        left = {said.speaker for said, _ in closed}
        spoke = {said.speaker for said, _ in self.closed if said.speaker is not None}
        introduced = tuple(sorted({*self.introduced, *(spoke - left)}))
        fills = tuple(fill for fill in self.fills if fill[0] > first)
        return replace(self, heard=heard, fills=fills, closed=closed, introduced=introduced)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one channel of a session stands: all that was told until then will not be told again.

    Attributes:
        audio_from: seconds of the session; audio from there on comes again, the first of it for the detector alone.
        passed: what of it the model hears, as ``TextPlace.heard`` and beyond.
        gate: see GatePlace.
        text: see TextPlace.
        turn: None where no turns are searched for.
        flushes: turns whose last words are on their way: where they ended, in seconds, and the number of the flush.
        next_flush: the number of the next one.
    """

    audio_from: float
    passed: tuple[tuple[int, int], ...]
    gate: GatePlace
    text: TextPlace
    turn: TurnPlace | None
    flushes: tuple[tuple[float, int], ...]
    next_flush: int

    def behind(self, start: float) -> Place:
        """As the session stands where its audio from ``audio_from`` to ``start`` is lost.

        The model never hears it here, so nothing may be said to have been in it. A closed segment of which only the end
        would come goes whole.
        """
        if start <= self.audio_from + _ROUNDED:
            return self
        closed = tuple(pair for pair in self.text.closed if pair[0].start >= start)
        gone = self.text.closed[: len(self.text.closed) - len(closed)]
        first = round(max([start, *(said.end for said, _ in gone)]) * SAMPLE_RATE)
        return replace(self, passed=_behind(self.passed, first), text=self.text.behind(first, closed))


def _behind(pieces: tuple[tuple[int, int], ...], first: int) -> tuple[tuple[int, int], ...]:
    return tuple((max(start, first), end) for start, end in pieces if end > first)


Voices = tuple[Voice, ...]
"""Of one channel, least recently heard first."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client needs to go on elsewhere.

    Attributes:
        token: of the session as it stands.
        voices: of those who speak; None where the last one that was offered is still good.
        audio_start: seconds of the session; the client sends its audio again from there on.
    """

    token: str
    voices: str | None
    audio_start: float

    @property
    def fields(self) -> dict[str, object]:
        """As every protocol writes it."""
        keys = {"token": self.token} | ({} if self.voices is None else {"voices": self.voices})
        return {"resumption": keys, "audio_start": self.audio_start}


class Refusal(StrEnum):
    """Why a session is not resumed."""

    INVALID = "resume_token_invalid"
    """Nobody who knows the secret has signed the token, or it is of another protocol or version of the server."""
    EXPIRED = "resume_token_expired"
    TOO_FEW_CHANNELS = "resume_channels"
    """The connection was opened for fewer channels than the session has."""


REFUSALS: Mapping[Refusal, str] = {
    Refusal.INVALID: "This server cannot resume a session with this token: it was signed with another secret or for "
    "another protocol, or it was changed.",
    Refusal.EXPIRED: "The token has expired.",
    Refusal.TOO_FEW_CHANNELS: "The session has more channels than this connection was opened for: name them in the "
    "query again.",
}
"""What a client is told."""


class Resumable(Protocol):
    """What a session protocol can do beside, for clients that ask for it."""

    kind: str
    """Which protocol it is: tokens of others are refused."""

    def snapshot(self) -> Snapshot:
        """All that it would have to know elsewhere to go on behind what it has said so far."""
        ...

    def resumed(self, snapshot: Snapshot, at: float) -> Sequence[Action]:
        """It is the session of this snapshot from now on; ``at``: seconds of that session at which the audio begins.

        Raises ValueError for the snapshot of another version of the server.
        """
        ...

    def refused(self, why: Refusal) -> Sequence[Action]:
        """The client's wish to go on cannot be granted."""
        ...

    def offered(self, offer: Offer, *, leaving: bool) -> Sequence[Action]:
        """The message with which the client can go on. ``leaving``: the last one, before the server closes."""
        ...
