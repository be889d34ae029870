"""From a live session's words and silences to Flux's turns: what a client is told of them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.live.vocabulary.events import Hypothesis, Silence, WordsCommitted
from server.protocols.deepgram.alternatives import JsonObject, seconds
from server.protocols.flux.configuration import Configuration
from server.protocols.flux.end_of_turn import confidence
from server.protocols.flux.state import UPDATE, Turn, TurnEvent, TurnState
from server.protocols.flux.turn_text import TextState, TurnText
from server.transcript.segments import Segment

UPDATE_SECONDS = 0.25
"""Of audio, between two messages at most."""
_LONG_WORDS = 200
"""A turn of so many words is told half as often, since each message has all of them; one of twice as many, a third."""
_ROUNDING = 1e-6


class Trigger(StrEnum):
    """What ended a turn. Flux's schema has the first three, and says that others may come."""

    MODEL = "model"
    """The confidence."""
    MANUAL = "manual"
    """The client."""
    TIMEOUT = "timeout"
    """The silence."""
    CLOSE = "close"
    """The session."""


@dataclass(frozen=True, slots=True)
class TurnsState:
    """What another connection has to know of the turns of a session. Times: seconds of the session.

    Attributes:
        turn, index: whether a turn is open, and its number.
        shown: the transcript, as the client knows it.
        speaking, stopping: somebody speaks; the last words of a turn that ends are on their way.
        heard: how far audio was heard.
        start, told: where the turn's audio begins, and where that ends which the last message was about.
        stray_since: since when there have been words outside of any turn.
    """

    turn: Turn
    index: int
    text: TextState
    shown: str
    speaking: bool
    stopping: bool
    silence: Silence | None
    heard: float
    start: float
    told: float
    stray_since: float | None


class Turns:
    """The turns of one session. Methods return the messages to be sent.

    A turn begins with its first words, and all that is said until its end is in it. Its audio begins where that of the
    turn before ended.

    Args:
        configuration: the first, see ``configure``.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._state = TurnState()
        self._text = TurnText(configuration.wording)
        self._shown = ""  # the transcript, as the client knows it
        self._speaking = self._stopping = False  # the last words of a turn that ends are on their way
        self._silence: Silence | None = None
        self._heard = 0.0
        self._start = self._told = 0.0  # of the turn's audio, and the end of what the last message was about
        self._stray_since: float | None = None

    @property
    def state(self) -> TurnsState:
        """All that is needed to go on elsewhere."""
        return TurnsState(
            self._state.turn,
            self._state.index,
            self._text.state,
            self._shown,
            self._speaking,
            self._stopping,
            self._silence,
            self._heard,
            self._start,
            self._told,
            self._stray_since,
        )

    def resume(self, state: TurnsState) -> None:
        """Go on there."""
        self._state = TurnState(state.turn, state.index)
        self._text.resume(state.text)
        self._shown, self._silence, self._heard = state.shown, state.silence, state.heard
        self._speaking, self._stopping = state.speaking, state.stopping
        self._start, self._told, self._stray_since = state.start, state.told, state.stray_since

    def configure(self, configuration: Configuration) -> None:
        """From now on turns end like this, and from the next change of their text on they are told like this."""
        self._configuration, self._text.wording = configuration, configuration.wording

    @property
    def overdue(self) -> bool:
        """A turn was begun outside of speech, by a word found late, and has waited for its timeout: nobody ends it."""
        since = self._stray_since
        return since is not None and self._heard - since >= self._configuration.thresholds.eot_timeout_ms / 1000

    def listened(self, until: float) -> list[JsonObject]:
        """All audio up to ``until`` was heard. Comes for every piece of audio: costs next to nothing most times."""
        self._heard = max(self._heard, until)
        if told := self._read():
            return told
        pause = UPDATE_SECONDS * (1 + len(self._text.words) // _LONG_WORDS)
        if self._heard - self._told < pause - _ROUNDING or self._ends:
            return []
        return [self._info(UPDATE, self._state.index, self._heard)]

    def started(self) -> list[JsonObject]:
        """Somebody speaks."""
        self._speaking, self._silence, self._stray_since = True, None, None
        return []

    def resumed(self) -> list[JsonObject]:
        """Somebody speaks again in the same turn."""
        self._silence = None
        return [self._tell(TurnEvent.TURN_RESUMED, self._heard)] if self._state.turn is Turn.ENDING else []

    def paused(self, silence: Silence) -> list[JsonObject]:
        """Nobody speaks for a while; the text says all that was heard before."""
        self._silence = silence
        told = self._read()
        return [*told, *self._announced()]

    def stopped(self, silence: Silence | None) -> list[JsonObject]:
        """The turn is over; its last words are on their way."""
        self._silence, self._speaking, self._stopping = silence, False, True
        return []

    def commit(self, event: WordsCommitted) -> list[JsonObject]:
        """The next words of a segment. What is left of the hypothesis comes next, so nothing is told before."""
        self._text.commit(event)
        return []

    def suppose(self, event: Hypothesis) -> list[JsonObject]:
        """What seems to be said behind them."""
        self._text.suppose(event)
        return self._read()

    def close(self, segment: Segment) -> list[JsonObject]:
        """A segment is whole."""
        self._text.close(segment)
        return []

    def finish(self, until: float, trigger: Trigger | None = None) -> list[JsonObject]:
        """All that was said before ``until`` is known: the turn ends, if there is one. ``trigger`` None: by silence.

        Where ends are announced, one that comes by silence never comes without.
        """
        self._text.settle()
        told = self._read()
        self._stopping = False
        if self._state.turn is Turn.NONE:
            return told
        if trigger is None:
            told += self._announced()
            trigger = (
                Trigger.MODEL
                if self._confidence(until) >= self._configuration.thresholds.eot_threshold
                else Trigger.TIMEOUT
            )
        end = self._tell(TurnEvent.END_OF_TURN, until) | {"trigger": trigger.value}
        self._text.begin()
        self._shown, self._start = "", self._told
        self._silence = self._stray_since = None
        return [*told, end]

    # ------------------------------------------------------------------------------------------------------- inside

    @property
    def _ends(self) -> bool:
        """The silence is long enough for the turn to end: the next message will be that."""
        if self._silence is None or self._state.turn is Turn.NONE:
            return False
        timeout = self._configuration.thresholds.eot_timeout_ms / 1000
        return (
            self._confidence(self._heard) >= self._configuration.thresholds.eot_threshold
            or self._quiet(self._heard) >= timeout
        )

    def _quiet(self, until: float) -> float:
        """Seconds for which nobody has spoken."""
        return 0.0 if self._silence is None else max(self._silence.seconds, until - self._silence.since)

    def _confidence(self, until: float) -> float:
        if self._silence is None or self._state.turn is Turn.NONE:
            return 0.0
        return confidence(self._quiet(until), finished=self._silence.finished)

    def _read(self) -> list[JsonObject]:
        """The text may have changed."""
        text = self._text.transcript
        if text == self._shown:
            return []
        if self._state.turn is Turn.NONE:
            if not self._speaking:
                self._stray_since = self._heard
            return [self._tell(TurnEvent.START_OF_TURN, self._looked)]
        if self._state.turn is Turn.ENDING:
            return [self._tell(TurnEvent.TURN_RESUMED, self._heard)]
        return [] if self._stopping else [self._info(UPDATE, self._state.index, self._looked)]

    def _announced(self) -> list[JsonObject]:
        """An end that is likely enough."""
        eager = self._configuration.thresholds.eager_eot_threshold
        if eager is None or self._silence is None or self._state.turn is not Turn.ONGOING:
            return []
        likely = self._text.transcript and self._confidence(self._looked) >= eager
        return [self._tell(TurnEvent.EAGER_END_OF_TURN, self._looked)] if likely else []

    @property
    def _looked(self) -> float:
        """The end of the silence that was told last; of all that was heard while somebody speaks."""
        return self._heard if self._silence is None else self._silence.since + self._silence.seconds

    def _tell(self, event: TurnEvent, until: float) -> JsonObject:
        """The turn goes where the table says; how sure its end is, is known from before."""
        sure = self._confidence(until)
        return self._info(event.value, self._state.tell(event), until) | {"end_of_turn_confidence": sure}

    def _info(self, event: str, index: int, until: float) -> JsonObject:
        """``until``: the end of the audio that this is about, unless more was told of already."""
        self._told = max(self._told, until)
        self._shown = self._text.transcript
        info: JsonObject = {
            "type": "TurnInfo",
            "event": event,
            "turn_index": index,
            "audio_window_start": seconds(self._start),
            "audio_window_end": seconds(self._told),
            "transcript": self._shown,
            "words": self._text.words,
            "end_of_turn_confidence": self._confidence(until),
        }
        if not self._configuration.english and (language := self._text.language):
            info["languages"] = [language]
        if hints := self._configuration.language_hints:
            info["languages_hinted"] = hints
        return info
