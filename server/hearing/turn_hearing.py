"""One question put to a model that writes by turns, until the text of each window is sound.

A window's text is held back until its end, for nobody is told of it before. Where it runs in circles the question is
taken back, and put again behind the first copy and the end of the turn: the model goes on with the next window. So it
is where a window has the text that many before it had, of which nothing stands then. Of what stands nothing is computed
again, and nothing that was passed on is ever taken back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from math import isclose

from model.family import Family
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, AnswerTokens
from server.hearing.costs import together
from server.hearing.heard import Heard
from server.hearing.heard_answer import HeardAnswer
from server.hearing.hearing import hear
from server.hearing.turns import turn_form
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.repeats import LoopFound, LoopOutcome
from server.transcript.repetition import Loop, LoopKind, TurnGuard, WindowRepeats
from server.transcript.repetition.window_repeats import BRIEF_COPIES
from server.transcript.turn_reader import TurnForm

logger = logging.getLogger(__name__)


class _WindowText:
    """Tokens of one window's text, watched."""

    def __init__(self, vocabulary: Vocabulary, seconds: float) -> None:
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self._vocabulary = vocabulary
        self._detokenizer = Detokenizer(vocabulary)
        self._guard = TurnGuard(seconds)
        self._ends: list[int] = []  # characters up to the end of each token
        self._said = ""

    @property
    def said(self) -> str:
        return self._said

    def add(self, token: int, logprob: float) -> Loop | None:
        """The next one. Returns the loop that it turns out to be in."""
        text = self._detokenizer.feed(token)
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self._said += text
        self._ends.append(len(self._said))
        return self._guard.feed(text)

    def cut(self, characters: int) -> None:
        """Keep so many. A token that is more of them is written anew, as far as it goes."""
        count = sum(end <= characters for end in self._ends)
        while count and self._vocabulary.text(self.tokens[:count]).endswith("\N{REPLACEMENT CHARACTER}"):
            count -= 1  # the beginning of another character
        rest = self._vocabulary.ids(self._said[self._ends[count - 1] if count else 0 : characters])
        self.tokens = [*self.tokens[:count], *rest]
        self.logprobs = [*self.logprobs[:count], *([0.0] * len(rest))]


class TurnHearing(HeardAnswer):
    """Made by `hear_turns`. See HeardAnswer."""

    def __init__(
        self,
        stream: EngineStream,
        question: Question,
        vocabulary: Vocabulary,
        form: TurnForm,
        *,
        seconds: float,
        last: bool,
        guard: bool,
    ) -> None:
        super().__init__(stream, question, vocabulary, last=last, guard=guard)
        self._form = form
        self._seconds = seconds
        self._window = question.begun.count(form.end)
        self._text = self._silent()
        self._repeats = WindowRepeats(_windows(question.begun, form.end, vocabulary))
        self._found: list[LoopFound] = []
        self._for_nothing = 0

    @property
    def loops(self) -> list[LoopFound]:
        """See HeardAnswer."""
        return self._found

    @property
    def thrown(self) -> int:
        """See HeardAnswer."""
        return self._for_nothing

    async def _take(self, part: AnswerTokens) -> None:
        """See HeardAnswer."""
        if not self._guard:
            self._pass_on(part.tokens, part.logprobs)
            return
        for token, logprob in zip(part.tokens, part.logprobs, strict=True):
            if token == self._form.end:
                loop = self._too_often(self._text.said)
                if loop is None:
                    self._end_window(logprob)
            elif (loop := self._text.add(token, logprob)) is not None:
                loop = self._too_often(self._text.said[: loop.keep]) or loop
            if loop is not None:
                await self._leave(loop)
                return

    def _too_often(self, text: str) -> Loop | None:
        """All of a window's text, where as many before it have the same."""
        return Loop(len(text), 0, "", certain=True, kind=LoopKind.WINDOWS) if self._repeats.add(text) else None

    def _end(self, done: AnswerDone) -> None:
        """See HeardAnswer."""
        if self._text.tokens:
            self._pass_on(self._text.tokens, self._text.logprobs)
        self._finish(done if self._spent is None else together(self._spent, done))

    async def _leave(self, loop: Loop) -> None:
        """End the window's text in front of what is repeated, and go on behind it."""
        self._log(loop)
        self._text.cut(loop.keep)
        start = self._window * self._form.seconds
        end = max(start, min(start + self._form.seconds, self._seconds))
        before = self._found[-1] if self._found else None
        if before is not None and before.kind is loop.kind is LoopKind.WINDOWS and isclose(before.end, start):
            self._found[-1] = replace(before, end=end)
        else:
            outcome = LoopOutcome.SKIPPED if loop.kind is LoopKind.WINDOWS else LoopOutcome.ENDED
            self._found.append(LoopFound(start, end, loop.kind, outcome, attempts=0))
        await self._take_back()
        self._for_nothing += max(0, self._stream.given - len(self._stands) - len(self._text.tokens))
        self._end_window(0.0)
        self._question = replace(self._asked, begun=tuple(self._stands))
        self._answer = self._stream.ask(self._question)

    def _end_window(self, logprob: float) -> None:
        """All of its text stands."""
        self._pass_on((*self._text.tokens, self._form.end), (*self._text.logprobs, logprob))
        self._window += 1
        self._text = self._silent()

    def _silent(self) -> _WindowText:
        """Of a window of which nothing is written."""
        return _WindowText(self._vocabulary, self._form.seconds + self._form.ahead)

    def _pass_on(self, tokens: tuple[int, ...] | list[int], logprobs: tuple[float, ...] | list[float]) -> None:
        self._stands += tokens
        self._put(Heard("", tuple(tokens), tuple(logprobs)))

    def _log(self, loop: Loop) -> None:
        fields = {
            "request_id": self._stream.request_id,
            "kind": loop.kind.value,
            "at_s": round(self._window * self._form.seconds, 2),
        }
        logger.info("the text of a window runs in circles", extra={"fields": fields})


def _windows(tokens: Sequence[int], end: int, vocabulary: Vocabulary) -> list[str]:
    """The last texts of windows that are whole: as many as may be a run, and all that are empty behind it."""
    texts: list[str] = []
    ends = [place for place, token in enumerate(tokens) if token == end]
    begins = [0, *(place + 1 for place in ends[:-1])]
    spoken = 0
    for begin, place in zip(reversed(begins), reversed(ends), strict=True) if ends else ():
        texts.append(vocabulary.text(tokens[begin:place]))
        spoken += place > begin
        if spoken == BRIEF_COPIES:
            break
    return texts[::-1]


def hear_turns(
    stream: EngineStream,
    question: Question,
    vocabulary: Vocabulary,
    form: TurnForm,
    *,
    seconds: float,
    last: bool = False,
    guard: bool = True,
) -> TurnHearing:
    """Put a question to a stream, to which all audio was appended. ``form``: of its answers. Else see `hear`."""
    return TurnHearing(stream, question, vocabulary, form, seconds=seconds, last=last, guard=guard)


def hear_family(
    stream: EngineStream,
    question: Question,
    vocabulary: Vocabulary,
    family: Family,
    *,
    seconds: float,
    last: bool = False,
    guard: bool = True,
) -> HeardAnswer:
    """See `hear`, or `hear_turns`: as the checkpoint's family writes."""
    if (form := turn_form(family)) is not None:
        return hear_turns(stream, question, vocabulary, form, seconds=seconds, last=last, guard=guard)
    return hear(stream, question, vocabulary, grammar=family.grammar, seconds=seconds, last=last, guard=guard)
