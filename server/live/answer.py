"""The model's answer to a window, read, and committed segments written as the model would have written them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from server.engine.engine_stream import LiveAnswer
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.events import SegmentClosed
from server.transcript.parser import TranscriptParser
from server.transcript.segments import Segment

_MARK = "\u241e"
"""Stands for what was forced of the last segment's content; nobody says it."""
_FEWEST_REPEATS, _FEWEST_WORDS = 4, 8
"""What makes a loop: people do say no, no, no, no."""
_ECHO = 0.3
"""Of the time that something took: who says it again needs more."""
_OBJECT = re.compile(r'\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}')


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says behind the forced segments, in seconds of the window.

    Attributes:
        segments: speech only; indices mean nothing.
        written: the segments as the model wrote them, tags included, for the next guess.
    """

    segments: tuple[Segment, ...]
    written: tuple[str, ...]


def written(start: float, end: float, speaker: int | None, text: str) -> str:
    """A segment as the model's JSON has it."""
    entry: dict[str, object] = {"Start": round(start, 2), "End": round(end, 2)}
    if speaker is not None:
        entry["Speaker"] = speaker
    return json.dumps(entry | {"Content": text}, ensure_ascii=False, separators=(",", ":"))


def says(text: str, speaker: int | None, content: str) -> bool:
    """Whether a segment as the model wrote it has this speaker and content."""
    try:
        entry = json.loads(text)
    except ValueError:
        return False
    return bool(entry.get("Speaker") == speaker and entry.get("Content") == content)


def opening(segments: Iterable[str]) -> str:
    """The beginning of an answer that has these segments."""
    joined = ",".join(segments)
    return f"[{joined}" if joined else ""


def read(answer: LiveAnswer, vocabulary: Vocabulary, *, forced: Segment | None, seconds: float) -> Reading:
    """Read what comes behind the ``forced`` segment, the last of those the answer began with.

    Its closing quote is the model's own. If the model had more to say there, that becomes a segment of the same speaker
    behind it. Of a phrase that is said again and again one is kept, as of a segment that is written twice. An answer
    that was cut loses its last segment.
    """
    detokenizer = Detokenizer(vocabulary)
    text = "".join(map(detokenizer.feed, answer.tokens))
    if forced is not None:
        text = "[" + written(forced.start, forced.end, forced.speaker, _MARK).removesuffix('"}') + text
    parser = TranscriptParser(seconds)
    events = [*parser.feed(text), *parser.finish(cut=answer.cut)]
    segments = [event.segment for event in events if isinstance(event, SegmentClosed)]
    objects = [found.group() for found in _OBJECT.finditer(text)]
    if forced is not None:
        segments, objects = _behind(segments), objects[1:]
    if answer.cut:
        segments = segments[:-1]
    speech = [replace(s, text=without_loop(s.text)) for s in segments if s.is_speech]
    before = [forced, *speech] if forced is not None else [None, *speech]
    heard = tuple(s for s, other in zip(speech, before, strict=False) if not _echoes(s, other))
    return Reading(heard, tuple(objects))


def _echoes(segment: Segment, before: Segment | None) -> bool:
    """It says the same as the segment before and takes next to no time: written, but not heard."""
    return (
        before is not None
        and segment.text == before.text
        and segment.end - segment.start < _ECHO * (before.end - before.start)
    )


def without_loop(text: str) -> str:
    """The text up to where it begins to repeat itself: a phrase of up to five words, over and over."""
    words = text.split()
    for start in range(len(words)):
        for length in range(1, 6):
            times = max(_FEWEST_REPEATS, _FEWEST_WORDS // length)
            phrase = words[start : start + length]
            if words[start : start + times * length] == phrase * times:
                return " ".join(words[: start + length])
    return text


def _behind(segments: list[Segment]) -> list[Segment]:
    """Without the forced segment, but with what was added to it."""
    if not segments:
        return []
    first, *others = segments
    added = first.text.removeprefix(_MARK)
    if not any(character.isalnum() for character in added):
        return others
    return [Segment(0, first.end, first.end, first.speaker, added.strip()), *others]
