"""What a live session tells its protocol, in order. Times are seconds of the session's audio.

The text of a session is a list of segments. Words of the last, open segments are committed one after the other and
never change; then the segment is closed. Behind what is committed stands a hypothesis that every update may rewrite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.resumption import Place, Voices
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment
from server.transcript.words import Word


class Channel(NamedTuple):
    """One of the channels that a session hears each for itself, or the only one: their mix."""

    number: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfChannel:
    """``channel``: the one that it is about; each has its own segments, turns and speakers."""

    channel: Channel = Channel()  # noqa: RUF009 - a tuple


@dataclass(frozen=True, slots=True)
class AudioHeard(_OfChannel):
    """All audio up to ``until`` was listened to; not yet transcribed. Comes several times a second."""

    until: float


@dataclass(frozen=True, slots=True)
class SpeechStarted(_OfChannel):
    """Somebody began to speak at ``at``, padding already taken off. Only with turn detection."""

    at: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody has spoken since ``since``, for ``seconds``. ``finished``: the words heard before end a sentence."""

    since: float
    seconds: float
    finished: bool


@dataclass(frozen=True, slots=True)
class SpeechPaused(_OfChannel):
    """Nobody has spoken for as long as one of the turn detection's ``looks``; the turn may go on.

    Comes when the model was asked about all that was heard before: the words committed and the hypothesis have it.
    Not told where somebody is known to speak again by then.
    """

    silence: Silence


@dataclass(frozen=True, slots=True)
class SpeechResumed(_OfChannel):
    """Somebody speaks again from ``at`` on, behind one of the silences that the turn detection looks at; same turn."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechStopped(_OfChannel):
    """Nobody spoke for as long as the turn detection waits; ``at`` is where the turn's audio ends.

    The session flushes by itself: ``Flushed`` with the id ``flush`` follows when the turn's text is complete.
    ``silence``: what ended the turn, where the turn detection looks at pauses. There the event comes in the order of
    the text, when the model was asked about what was heard before, and otherwise as soon as it is known.
    """

    at: float
    flush: FlushId
    silence: Silence | None = None


@dataclass(frozen=True, slots=True)
class IdleTimedOut(_OfChannel):
    """Nobody spoke from ``since`` to ``at``, which is as long as the turn detection lets nobody speak.

    The session flushes by itself, as for SpeechStopped: ``Flushed`` with the id ``flush`` follows.
    """

    since: float
    at: float
    flush: FlushId


@dataclass(frozen=True, slots=True)
class WordsCommitted(_OfChannel):
    """The next words of a segment; they will not change. Each text behind its lead, the segment's text comes about.

    ``segment``: the segment's index in the session, from 0, growing. ``words``: never empty, times estimated.
    ``lead``: what stands in front of ``text`` where something of the segment stands before: a space, where the script
    has any. ``logprobs``: of the tokens that carry ``text``, where they are wanted; one that goes on behind it comes
    with the words that it ends in.
    """

    segment: int
    speaker: int | None
    words: tuple[Word, ...]
    text: str
    lead: str = " "
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentCommitted(_OfChannel):
    """A segment of speech is complete: all its words came before, and its times and speaker are settled."""

    segment: Segment


@dataclass(frozen=True, slots=True)
class SoundHeard(_OfChannel):
    """Something was heard that nobody said, ``[Music]``: told once, never changed, no part of the text.

    Only where sounds are wanted.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Hypothesis(_OfChannel):
    """What seems to be said behind the committed words. Replaces the hypothesis before; may be empty.

    ``segments``: the first may be the rest of the open segment (same index). Only speech. ``lead``: what stands between
    the committed words of that segment and its rest; None: as the script has it.
    """

    segments: tuple[Segment, ...]
    lead: str | None = None


@dataclass(frozen=True, slots=True)
class Flushed(_OfChannel):
    """All that the model found in the audio before ``until`` is committed and closed; the hypothesis is empty.

    Exactly one for each flush asked for and for each SpeechStopped and IdleTimedOut, which bear its id, in the order in
    which the session met them: who asks may do so before he is told of one that comes first. For a SpeechStopped
    ``until`` equals its ``at``, for a flush asked for it is the end of the audio heard. What follows is text of what
    follows, whatever its times: a segment's start is the model's estimate and may lie some tenths of a second before
    ``until``, and with more audio the model may, rarely, find another word where it found none before.
    """

    until: float
    flush: FlushId


@dataclass(frozen=True, slots=True)
class Finished(_OfChannel):
    """The last event of a session that was told to finish. ``duration``: of all its audio."""

    duration: float


@dataclass(frozen=True, slots=True)
class Checkpoint(_OfChannel):
    """All that was told of this channel so far, and nothing else, is known at ``place``. Only where it is asked for.

    ``voices``: by which the model knows the speakers again.
    """

    place: Place
    voices: Voices = ()


LiveEvent = (
    AudioHeard
    | SpeechStarted
    | SpeechPaused
    | SpeechResumed
    | SpeechStopped
    | IdleTimedOut
    | WordsCommitted
    | SegmentCommitted
    | SoundHeard
    | Hypothesis
    | Flushed
    | Finished
)
"""What protocols hear."""

SessionEvent = LiveEvent | Checkpoint
