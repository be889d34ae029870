"""Turns whose ends depend on what was said: they are told in the order of the audio, and not as they are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.live.captions.captions import Captions
from server.live.ears.turns import TurnEnd, TurnEvent, TurnPause, TurnResume, TurnStart
from server.live.vocabulary.events import (
    Flushed,
    LiveEvent,
    Silence,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from server.live.vocabulary.flush import FlushId
from server.live.work import Work


class SpokenTurns:
    """Of one session, for the task that works it off.

    Args:
        work: of the session; what it gives to do is done when it is told.
        captions: say what was heard.
        tell: where events go.
        next_flush: a name for the flush at the end of a turn.
    """

    def __init__(
        self,
        work: Work,
        captions: Captions,
        tell: Callable[[Sequence[LiveEvent]], None],
        next_flush: Callable[[], FlushId],
    ) -> None:
        self._work = work
        self._captions = captions
        self._tell = tell
        self._next_flush = next_flush
        self._asked = self._over = False  # in the present silence: the model was asked, and the turn ended

    async def follow(self, turn: TurnEvent) -> None:
        """Tell what was found. Raises what asking the model does."""
        match turn:
            case TurnPause():
                await self._pause(turn)
                return
            case TurnEnd(at, seconds) if not self._over:
                await self._stop(at, Silence(at - seconds, seconds, self._captions.finished))
            case TurnResume(at) if not self._over:
                self._work.done()
                self._tell([SpeechResumed(at)])
            case TurnStart(at) | TurnResume(at):
                self._work.done()
                self._tell([SpeechStarted(at)])
        self._asked = self._over = False

    async def _pause(self, pause: TurnPause) -> None:
        """Nobody speaks: ask what was said. The turn is over if the silence is enough for that.

        Asked is at once, and where that found no end of a sentence, again before it counts: the mark that ends one may
        be heard in the silence.
        """
        if self._over or (self._work.speech_goes_on and not pause.enough):
            return
        if not self._asked or (pause.enough and not self._captions.finished):
            self._asked = True
            self._tell(await self._captions.look())
        silence = Silence(pause.at - pause.silence, pause.silence, self._captions.finished)
        if pause.enough and silence.finished:
            self._over = True
            await self._stop(pause.at, silence)
        elif not self._work.speech_goes_on:
            self._work.done()
            self._tell([SpeechPaused(silence)])

    async def _stop(self, at: float, silence: Silence) -> None:
        flush = self._next_flush()
        self._tell([SpeechStopped(at, flush, silence)])
        self._tell(await self._captions.settle())
        self._work.done()
        self._tell([Flushed(at, flush)])
