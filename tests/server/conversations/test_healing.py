"""A beginning that is cut anywhere is gone on from in the tokens that the model would have written, in any script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from model.seam.streams import Likeliest, Question
from server.conversations.healing import Healed, heal, spare_tokens
from server.engine.client.answer import Answer
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone, AnswerTokens, EndReason
from server.transcript.detokenizer import Vocabulary
from tests.server.conversations.test_continued import ANSWER
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT


@pytest.fixture(scope="module", params=[snapshot(), CHECKPOINT], ids=["real", "twin's"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return Vocabulary.load(request.param)


@dataclass
class Model:
    """Wants to write one text, in its tokens; ``unlikely``: tokens that are likelier everywhere."""

    wanted: list[int]
    unlikely: tuple[int, ...] = ()
    asked: int = 0

    def ask(self, question: Question) -> Answer:
        assert (question.likeliest, question.temperature, question.max_tokens) == (True, 0, len(question.begun) + 1)
        self.asked += 1
        begun, answer = list(question.begun), Answer()
        known = begun == self.wanted[: len(begun)] and len(begun) < len(self.wanted)
        place: Likeliest = tuple((token, -0.5) for token in self.unlikely)
        if known:
            place = (*place, (self.wanted[len(begun)], -2.0))
        if place:
            answer.take(AnswerTokens(1, (place[0][0],), (-0.5,), likeliest=(place,)))
        answer.take(AnswerDone(1, EndReason.LENGTH, "", 9, 3, len(begun) + 1, 0.0, 1.0, 1.0))
        return answer


async def healed(model: Model, vocabulary: Vocabulary, prefix: str) -> Healed:
    question = Question(begun=tuple(vocabulary.ids(prefix)), temperature=0.7, max_tokens=50)
    return await heal(cast(EngineStream, model), question, vocabulary, likeliest=2)


async def test_wherever_it_is_cut_its_tokens_are_those_of_the_whole(vocabulary: Vocabulary) -> None:
    """The others are those that a character of the text shares with what comes behind it."""
    ids = vocabulary.ids(ANSWER)
    plain = others = 0
    for end in range(1, len(ANSWER), 3):
        prefix = ANSWER[:end]
        made = await healed(Model(ids), vocabulary, prefix)
        more = made.more.text if made.more is not None else ""
        assert vocabulary.text(made.tokens) == prefix + more
        assert ANSWER.startswith(prefix + more)
        if list(made.tokens) != ids[: len(made.tokens)]:
            assert list(made.tokens) == vocabulary.ids(prefix)
            others += 1
        plain += vocabulary.ids(prefix) != ids[: len(vocabulary.ids(prefix))]
    assert plain > 10, "cut anywhere, its own tokens often are not"
    assert others <= plain / 5


async def test_what_the_last_token_says_more_is_told_with_it(vocabulary: Vocabulary) -> None:
    whole = "good morning"
    ids = vocabulary.ids(whole)
    end = len(vocabulary.text(ids[:-1])) + 1
    made = await healed(Model(ids), vocabulary, whole[:end])
    assert made.tokens == tuple(ids)
    assert made.more is not None
    assert whole[:end] + made.more.text == whole
    (told,) = made.more.tokens
    assert (bytes(told.bytes).decode(), told.logprob) == (made.more.text, -2.0)
    assert [vocabulary.text(ids[-1:])] == [each.token for each in told.likeliest]
    assert made.spent is not None


async def test_it_has_no_more_tokens_than_room_is_made_for(vocabulary: Vocabulary) -> None:
    """Not even from a model that spells letter by letter."""
    letters = {vocabulary.bytes_of(token): token for token in range(len(vocabulary.ids("")) + 2000)}
    for whole in ("nothing", 'Content":"Somewhere over', "今天我们先看", "e\u0301te\u0301 ***!"):
        for end in range(1, len(whole)):
            own = tuple(vocabulary.ids(whole[:end]))
            kept = vocabulary.text(own[: len(own) - 1])
            wanted = [*own[:-1], *(letters[bytes([each])] for each in whole.removeprefix(kept).encode())]
            made = await healed(Model(wanted), vocabulary, whole[:end])
            assert len(made.tokens) <= len(own) + spare_tokens(own, vocabulary)


async def test_tokens_that_spell_something_else_are_passed_over(vocabulary: Vocabulary) -> None:
    whole = '[{"Start":0.5,"End":1.25,"Speaker":0,"Content":"good morn'
    wrong = (vocabulary.ids("]")[0], vocabulary.ids("x")[0])
    model = Model(vocabulary.ids(whole), unlikely=wrong)
    made = await healed(model, vocabulary, whole)
    assert list(made.tokens) == vocabulary.ids(whole)
    assert model.asked


async def test_where_the_model_would_write_nothing_of_it_it_stays_as_it_is(vocabulary: Vocabulary) -> None:
    prefix = '[{"Start":0,"End":1,"Speaker":0,"Content":"qqq wwww'
    made = await healed(Model([]), vocabulary, prefix)
    assert (list(made.tokens), made.more) == (vocabulary.ids(prefix), None)


async def test_words_without_spaces_are_not_written_anew_from_their_beginning(vocabulary: Vocabulary) -> None:
    prefix = "今天我们先看上周的报告" * 20
    model = Model(vocabulary.ids(prefix + "今"))
    made = await healed(model, vocabulary, prefix)
    assert list(made.tokens) == vocabulary.ids(prefix)
    assert model.asked <= 8
