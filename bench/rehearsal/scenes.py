"""What is rehearsed: everything that clients do to a runner, as scripts of the step loop.

Nobody computes an answer on a card that is only played: every token is the first of the vocabulary, and answers are as
long as they may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

from bench.rehearsal.clients import Answers, Moment, Script, file, live, update
from model.seam.streams import Question
from server.engine.messages import AskStream, CloseStream, ForkStream, OpenStream

_LIVE_SECONDS = 60
SEGMENT = '{"Start":%d.00,"End":%d.00,"Speaker":0,"Content":"one two three four five"}'


def said(segments: int) -> str:
    """An answer of that many segments."""
    return "[" + ",".join(SEGMENT % (4 * number, 4 * number + 4) for number in range(segments)) + "]"


def _answered(answers: Answers, numbers: range, times: int) -> bool:
    """Every live stream has answered so often, or ended."""
    return all(answers.answered[number] >= times or answers.ended(number) for number in numbers)


def files(lengths: list[float], *, tokens: int, temperature: float = 0.0, top_p: float = 1.0) -> Script:
    """Files of those seconds, all sent at once."""

    def script(answers: Answers) -> Iterator[Moment]:
        for number, seconds in enumerate(lengths):
            question = Question(temperature=temperature, seed=number, max_tokens=tokens, top_p=top_p)
            yield file(number, seconds, question)
        yield lambda: all(map(answers.ended, range(len(lengths))))

    return script


def cancelled(seconds: float) -> Script:
    """Two files, one of which is cancelled while it is taken in and the other while it answers."""

    def script(answers: Answers) -> Iterator[Moment]:
        yield [message for number in (0, 1) for message in file(number, seconds, Question())]
        yield []
        yield [CloseStream(0)]
        yield lambda: answers.tokens[1] > 0
        yield [CloseStream(1)]
        yield []

    return script


def questions(seconds: float, *, tokens: int) -> Script:
    """Questions about one recording, the others while the first is answered; they go on when it is gone."""

    def script(answers: Answers) -> Iterator[Moment]:
        question = Question(max_tokens=tokens)
        first = file(0, seconds, question)
        yield first
        yield lambda: answers.tokens[0] > 0
        assert isinstance(first[0], OpenStream)
        for number in (1, 2):
            yield [ForkStream(number, 0, f"fork-{number}", first[0].spec), AskStream(number, question, last=True)]
        yield lambda: all(map(answers.ended, (0, 1, 2)))

    return script


def right(number: int) -> str:
    """A guess that comes true from its fourth token on, for token 0 is an exclamation mark; of another length each."""
    return "[" + "!" * (6 + 3 * (number % 4))


def captions(sessions: int, *, updates: int, guess: Callable[[int], str], tokens: int, beside: int = 0) -> Script:
    """Live sessions that ask after every second with a guess, from the second time on behind a forced beginning.

    ``guess``: at the answers of a session. ``beside``: files of ten seconds that come at the same time.
    """
    numbers, others = range(sessions), range(sessions, sessions + beside)

    def script(answers: Answers) -> Iterator[Moment]:
        plain = Question(max_tokens=tokens, whole=False)
        yield list(chain.from_iterable(live(number, _LIVE_SECONDS, plain) for number in numbers))
        yield list(chain.from_iterable(file(number, 10, plain) for number in others))
        for turn in range(updates):
            prefix = said(turn)[:-1] if turn else ""
            asked = (update(number, 1, replace(plain, prefix=prefix, guess=guess(number))) for number in numbers)
            yield list(chain.from_iterable(asked))
            yield partial(_answered, answers, numbers, turn + 1)
        yield [CloseStream(number) for number in numbers]
        yield lambda: all(map(answers.ended, others))

    return script
