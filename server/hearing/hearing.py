"""One question put to one stream, until it is answered soundly.

The answer is read token by token, and passed on as far as it is settled. Where it runs in circles its question is taken
back and put again, to go on behind what stands: warmer, with other seeds. Of the prompt and of what stands nothing is
computed again. Where that does not help, the stretch is left out: the open segment is closed with what was said of it,
``[Unintelligible Speech]`` stands for the gap, and the model goes on behind that. So it always ends, and nothing that
was passed on is ever taken back.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from model.family import Grammar
from model.seam.streams import Question
from server.engine.budget import expected_tokens
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, AnswerTokens, EndReason
from server.hearing.costs import together
from server.hearing.heard import Heard
from server.hearing.heard_answer import HeardAnswer
from server.hearing.joining import Bridge, bridged
from server.hearing.place import Place
from server.hearing.recovery import Again, End, Keep, Move, Recovery, Skip
from server.hearing.settling import Piece, Settling
from server.transcript.detokenizer import Vocabulary
from server.transcript.repeats import LoopFound
from server.transcript.repetition import Loop

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a stretch is asked for again before it is left out."""
_SPARE = 2.0
"""Of what the answer to ordinary talk takes, may be written for nothing before nothing is asked for again."""
_HOTTEST = 1.0


class Hearing(HeardAnswer):
    """Made by `hear`. See HeardAnswer."""

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        vocabulary: Vocabulary,
        grammar: Grammar,
        *,
        seconds: float,
        last: bool,
        guard: bool,
        attempts: int,
    ) -> None:
        super().__init__(stream, question, vocabulary, last=last, guard=guard)
        self._place = Place(grammar, seconds)
        self._settling = Settling(vocabulary, seconds)
        spare = round(_SPARE * expected_tokens(seconds))
        self._recovery = Recovery(self._place, seconds, attempts=attempts, spare=spare)
        self._bridge: Bridge | None = None  # over a gap, with nothing behind it that stands so far

    @property
    def loops(self) -> list[LoopFound]:
        """See HeardAnswer."""
        return self._recovery.so_far

    @property
    def thrown(self) -> int:
        """See HeardAnswer."""
        return self._recovery.thrown

    async def _take(self, part: AnswerTokens) -> None:
        """See HeardAnswer."""
        self._begin(part.forced)
        if not self._guard:
            self._stands += part.tokens
            self._put(Heard("", part.tokens, part.logprobs, part.likeliest))
            return
        self._settling.add(part.tokens, part.logprobs, part.likeliest)
        while (loop := self._settling.look()) is not None:
            move = self._recovery.move(loop, self._settling.text)
            self._log(loop, move)
            if not isinstance(move, Keep):
                await self._leave(move)
                return
            self._settling.keep()
            self._pass_on(self._settling.take())
            self._settling.watch(self._place.head)
        self._pass_on(self._settling.take())
        if self._recovery.past:
            self._recovery.close()
            if self._question.temperature != self._asked.temperature:
                await self._take_back()
                self._ask(self._asked.temperature, (*self._stands, *self._settling.held))

    def _begin(self, forced: str) -> None:
        """What the answer was made to begin with is known with its first tokens."""
        if self._prefix is None:
            self._prefix = forced
            if stands := forced + self._vocabulary.text(self._asked.begun):
                self._place.read(stands)
                self._settling.resume(stands, self._place.head)
            if forced:
                self._put(Heard(forced, (), ()))

    def _pass_on(self, pieces: list[Piece]) -> None:
        """These stand, and what was forced in front of them."""
        if not pieces:
            return
        forced, behind = "", None
        if self._bridge is not None:
            forced, behind = self._bridge.text, self._bridge.tokens
            self._stands, self._bridge = list(behind), None
        tokens = tuple(token for piece in pieces for token in piece.tokens)
        self._stands += tokens
        self._place.read(forced + "".join(piece.text for piece in pieces))
        logprobs = tuple(logprob for piece in pieces for logprob in piece.logprobs)
        likeliest = tuple(place for piece in pieces for place in piece.likeliest)
        self._put(Heard(forced, tokens, logprobs, likeliest, behind))

    # ---------------------------------------------------------------------------------------------------- recovery

    async def _leave(self, move: Again | Skip | End) -> None:
        """This attempt is over: what it has not passed on was not said."""
        await self._take_back()
        self._recovery.throw(self._stream.given - len(self._bridge.tokens if self._bridge else self._stands))
        self._settling.drop()
        match move:
            case End(gap):
                self._close(gap=gap)
                return
            case Skip(end):
                self._bridge = bridged(self._vocabulary, self._stands, self._place.gap(end))
        warmer = move.warmer if isinstance(move, Again) else 0.0
        forced, tokens = ("", self._stands) if self._bridge is None else (self._bridge.text, self._bridge.tokens)
        self._settling.resume(forced, self._place.head + forced)
        self._ask(min(self._asked.temperature + warmer, max(_HOTTEST, self._asked.temperature)), tuple(tokens))

    def _ask(self, temperature: float, begun: tuple[int, ...]) -> None:
        """Go on behind ``begun``; where it is drawn, with noise of its own."""
        seed = self._question.seed + 1
        self._question = replace(self._asked, temperature=temperature, seed=seed, begun=begun)
        self._answer = self._stream.ask(self._question)

    def _end(self, done: AnswerDone) -> None:
        """See HeardAnswer."""
        self._begin(done.forced)
        if self._bridge is not None and '"Content"' not in self._settling.text:
            self._close(gap=True)
            return
        self._pass_on(self._settling.take_all())
        self._recovery.close()
        self._finish(done if self._spent is None else together(self._spent, done))

    def _close(self, *, gap: bool) -> None:
        """End the answer here, whatever the model would say."""
        self._bridge = None
        self.given_up = gap
        text = "" if self._place.prose else self._place.ending(gap=gap)
        self._place.read(text)
        self._put(Heard(text, (), (), behind=tuple(self._stands)))
        self._recovery.close()
        spent = self._spent or self._answer.done
        assert spent is not None, "only an answer that is over is closed"
        self._finish(replace(spent, reason=EndReason.STOP))

    def _log(self, loop: Loop, move: Move) -> None:
        fields = {
            "request_id": self._stream.request_id,
            "kind": loop.kind.value,
            "certain": loop.certain,
            "at_s": round(self._place.now, 2),
            "move": type(move).__name__.lower(),
        }
        logger.info("an answer runs in circles", extra={"fields": fields})


def hear(
    stream: EngineStream,
    question: Question,
    vocabulary: Vocabulary,
    *,
    grammar: Grammar,
    seconds: float,
    last: bool = False,
    guard: bool = True,
    attempts: int = ATTEMPTS,
) -> Hearing:
    """Put a question to a stream, to which all audio was appended, and see to it that the answer is sound.

    Args:
        vocabulary: of the checkpoint.
        grammar: of its answers.
        seconds: of the audio.
        last: close the stream when the answer has come to its end.
        guard: without, the answer is passed on as the model writes it.
        attempts: how often a stretch is asked for again before it is left out.
    """
    return Hearing(stream, question, vocabulary, grammar, seconds=seconds, last=last, guard=guard, attempts=attempts)
