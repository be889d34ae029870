"""What a live session computes for every update and every piece of audio, without model and socket."""

from __future__ import annotations

from bench.overhead.line import ROUNDS, Line, milliseconds, typical
from bench.support.report import Goal
from server.live.captions.stability import Stabilizer
from server.live.vocabulary.events import AudioHeard, Hypothesis, LiveEvent
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.session import DeepgramSession
from server.transcript.segments import Segment

FEW, MANY = 80, 250
"""Words of a segment that is open: half a minute of fluent speech, and a window full of it."""
UPDATE_MS = 2.0
AROUND = 10
"""Updates, or pieces of audio, of which the typical one counts."""
SECONDS_A_WORD = 0.4
PIECE = 0.02
"""Seconds of audio that clients send at a time."""


def lines() -> list[Line]:
    """The lines about captions."""
    return [_updates(), _interims()]


def _updates() -> Line:
    few, many = (min(_update_milliseconds(words) for _ in range(ROUNDS)) for words in (FEW, MANY))
    return Line(
        f"an update of a caption, {FEW} and {MANY} words of a segment open",
        f"{few:.2f} and {many:.2f} ms",
        [
            Goal("caption-update-with-250-words-open-in-ms", many, UPDATE_MS, at_least=False),
            Goal("caption-update-250-words-over-80", many / few, MANY / FEW * 1.5, at_least=False),
        ],
    )


def _update_milliseconds(words: int) -> float:
    """A speaker goes on and on; early on, a word that is committed is heard otherwise, and stays so."""
    stabilizer, times = Stabilizer(settle=2.0), []
    for count in range(1, words + AROUND):
        hypothesis = [_segment(count, revised=count > words // 4)]
        times.append(milliseconds(lambda: stabilizer.update(hypothesis, hypothesis[0].end)))  # noqa: B023 - at once
    shown = stabilizer.open
    assert shown is not None, "no word was committed"
    assert shown.text.count(" ") > words - AROUND, "hardly a word was committed"
    return typical(times[-AROUND:])


def _segment(words: int, *, revised: bool = False) -> Segment:
    said = ["other" if revised and number == 3 else f"word{number}" for number in range(words)]
    return Segment(0, 0.0, words * SECONDS_A_WORD, 0, " ".join(said))


def _interims() -> Line:
    still, changed = (min(_event_milliseconds(changing) for _ in range(ROUNDS)) for changing in (False, True))
    return Line(
        f"Deepgram, a piece of audio heard while {MANY} words stand still, and with a word more",
        f"{1000 * still:.0f} and {1000 * changed:.0f} us",
        [Goal("deepgram-audio-heard-over-text-changed", still / changed, 0.05, at_least=False)],
    )


def _event_milliseconds(changing: bool) -> float:
    query = ListenQuery(interim_results=True)
    session = DeepgramSession(query, served_model="vibevoice-asr", request_id="bench", created="")
    heard, times = MANY * SECONDS_A_WORD, []
    session.opened()
    session.heard(Hypothesis((_segment(MANY),)))
    session.heard(AudioHeard(heard))
    for turn in range(1, 5 * AROUND):
        event: LiveEvent = Hypothesis((_segment(MANY + turn),)) if changing else AudioHeard(heard + turn * PIECE)
        times.append(milliseconds(lambda: session.heard(event)))  # noqa: B023 - at once
    return typical(times)
