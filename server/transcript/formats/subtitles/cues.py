"""The speech of a transcript as cues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from server.transcript.formats.subtitles.columns import columns
from server.transcript.formats.subtitles.cutting import Passage, cut, label_fits
from server.transcript.formats.subtitles.lines import broken
from server.transcript.formats.subtitles.options import SubtitleOptions
from server.transcript.formats.subtitles.overlaps import DASH, DRIFT, Shown, one_at_a_time
from server.transcript.formats.subtitles.pieces import BOUND, Piece, pieces
from server.transcript.formats.subtitles.speakers import prefix, prefix_columns, shown_name
from server.transcript.formats.subtitles.timing import timed
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Segment, Transcript
from server.transcript.word_breaks import lead_between

_PAUSE = 0.5
"""Seconds behind which what the same speaker says begins a new cue."""
_IMPOSSIBLE = 2.0
"""How many times faster than people read nobody speaks: times of such a segment are wrong."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one of the speakers in a cue says.

    Attributes:
        speaker: who speaks; None when the whole transcript has one speaker, nobody knows who, or labels are not wanted.
        lines: of text, behind a dash where several share the cue.
    """

    speaker: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption. ``start`` and ``end`` are milliseconds; ``voices`` are one, or several that begin together."""

    start: int
    end: int
    voices: tuple[Voice, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(chain.from_iterable(voice.lines for voice in self.voices))


@dataclass(slots=True)
class _Turn:
    """What one speaker says without a pause."""

    who: int | None
    speaker: str | None
    pieces: list[Piece]
    overlapped: bool = False

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def end(self) -> float:
        return self.pieces[-1].end


def cues(transcript: Transcript, options: SubtitleOptions, *, prefixed: bool) -> list[Cue]:
    """The speech of a transcript as cues in order, none of which begins before the end of the one before.

    Args:
        transcript: what to show.
        options: the limits of a cue.
        prefixed: write ``Speaker 1: `` where the speaker changes. Otherwise a name takes no place in the lines.
    """
    turns = _turns(transcript, options)
    if not turns:
        return []
    passages: list[Passage] = []
    for before, turn in zip([None, *turns[:-1]], turns, strict=True):
        goes_on = before is not None and before.who == turn.who and not before.overlapped
        labelled = prefixed and (turn.overlapped or not goes_on)
        passages += _passages(turn, labelled, options)
    shown = one_at_a_time(passages, transcript.duration, options)
    times = timed(shown, transcript.duration, options)
    return [
        Cue(start, end, tuple(_voices(cue, before, options)))
        for (start, end), cue, before in zip(times, shown, [None, *shown[:-1]], strict=True)
    ]


def _passages(turn: _Turn, labelled: bool, options: SubtitleOptions) -> Iterator[Passage]:
    """A turn in parts that fit a cue. Where others speak meanwhile, each has a place for the name."""
    width = prefix_columns(turn.speaker) if labelled else 0
    for number, part in enumerate(cut(turn.pieces, width, turn.overlapped, options)):
        first = turn.overlapped or not number
        yield Passage(turn.who, turn.speaker, part, bool(width) and first and label_fits(width, part[0], options))


def _turns(transcript: Transcript, options: SubtitleOptions) -> list[_Turn]:
    """The speech in order of its starts, with what one speaker says without a pause in one."""
    speech = _in_order(transcript.segments if options.audio_events else transcript.speech)
    names = _names(transcript) if options.speaker_labels else {}
    turns: list[_Turn] = []
    ends = [*(segment.start for segment in speech[1:]), transcript.duration]
    last: Segment | None = None
    for segment, silent_until in zip(speech, ends, strict=False):
        stretched = _stretched(segment, silent_until - options.min_gap, options)
        made = pieces(stretched, options.line_width)
        if not made:
            continue
        if last is not None and _go_together(last, segment):
            before = turns[-1].pieces
            turns[-1].pieces += [replace(made[0], spaced=bool(lead_between(before[-1].text, made[0].text))), *made[1:]]
        else:
            turns.append(_Turn(segment.speaker, names.get(segment.speaker), made))
        last = segment
    _mark_overlapped(turns)
    return turns


def _go_together(segment: Segment, following: Segment) -> bool:
    """One turn: the same speaker without a pause. A sound is a turn of its own."""
    same = segment.speaker == following.speaker and segment.is_speech == following.is_speech
    return same and following.start - segment.end < _PAUSE


def _in_order(speech: Iterable[Segment]) -> list[Segment]:
    """By their starts. Nobody talks over himself: what one speaker says ends where his next segment begins."""
    begins: dict[int | None, float] = {}
    found: list[Segment] = []
    for segment in sorted(speech, key=lambda segment: segment.start)[::-1]:
        next_start = begins.get(segment.speaker, segment.end)
        found.append(replace(segment, end=min(segment.end, next_start)))
        begins[segment.speaker] = segment.start
    return found[::-1]


def _names(transcript: Transcript) -> dict[int | None, str]:
    """What speakers are called where there are several; numbers are given in the order of the answer."""
    speakers = dict.fromkeys(segment.speaker for segment in transcript.speech)
    if len(speakers) < 2:
        return {}
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    doubtful = {segment.speaker for segment in transcript.speech if segment.doubtful}
    return {
        speaker: shown_name(labels.caption(speaker, doubtful=speaker in doubtful))
        for speaker in speakers
        if speaker is not None
    }


def _mark_overlapped(turns: Sequence[_Turn]) -> None:
    longest: _Turn | None = None
    for turn in turns:
        if longest is not None and turn.start < longest.end:
            longest.overlapped = turn.overlapped = True
        if longest is None or turn.end > longest.end:
            longest = turn


def _stretched(segment: Segment, silent_until: float, options: SubtitleOptions) -> Segment:
    """A segment whose words come slowly enough to be read, where silence behind it allows for that.

    Its last word comes at most 1.5 s late, unless nobody can have said the text in its time.
    """
    said = segment.end - segment.start
    reading = columns(segment.text) / options.max_cps
    latest = silent_until if said * _IMPOSSIBLE < reading else min(silent_until, segment.end + DRIFT)
    end = min(segment.start + reading, latest)
    return replace(segment, end=end) if end > segment.end else segment


def _voices(cue: Shown, before: Shown | None, options: SubtitleOptions) -> Iterator[Voice]:
    """Who is shown, with what. A name stands where somebody else was shown before."""
    if len(cue.voices) > 1:
        for voice in cue.voices:
            line = _labelled(DASH + prefix(voice.speaker) * voice.labelled, voice.pieces)
            yield Voice(voice.speaker, broken(line, options.line_width, 1))
        return
    (voice,) = cue.voices
    same = before is not None and all(shown.who == voice.who for shown in before.voices)
    line = _labelled(prefix(voice.speaker) if voice.labelled and not same else "", voice.pieces)
    yield Voice(voice.speaker, broken(line, options.line_width, options.line_count))


def _labelled(label: str, said: Sequence[Piece]) -> Sequence[Piece]:
    """``label``, which ends with a space where there is any, in front of what is said."""
    if not label:
        return said
    text = label.rstrip()
    return [Piece(text, columns(text), False, 0.0, 0.0, BOUND), replace(said[0], spaced=True), *said[1:]]
