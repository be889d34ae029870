"""Answers to learn from: their tokens are the text's, and what is given in front is what the server gives."""

import json
import random
from itertools import groupby, pairwise

import pytest

from model.family.vibevoice_asr.prompt import TemplatePrompt
from model.tiny.recipe import tokenizer as tokenizers
from model.tiny.recipe.examples import number_speakers, segment_entry
from model.tiny.recipe.network import processor
from model.tiny.recipe.recordings import Segment, Word
from model.tiny.recipe.vocabulary import WORDS, sentence
from model.tiny.recipe.writing import END, IGNORE, Target, Writer

TOKENIZER = tokenizers.build()
WRITER = Writer(TOKENIZER)


def talk(rng: random.Random) -> list[Segment]:
    segments, now = [], 0.0
    for _ in range(rng.randint(2, 6)):
        now = round(now + rng.uniform(0.1, 2), 2)
        words = []
        for word in sentence(rng):
            words.append(Word(WORDS.index(word), now, round(now + 0.4, 2)))
            now = round(now + 0.45, 2)
        if rng.random() < 0.2:
            segments.append(Segment(words[0].start, now, -1, tag="[Music]"))
        else:
            complete = rng.random() < 0.6
            segments.append(Segment(words[0].start, words[-1].end, rng.randint(0, 2), tuple(words), complete=complete))
    return segments


def written(segments: list[Segment], forced: int, rng: random.Random | None = None) -> Target:
    target = Target()
    WRITER.answer(target, segments, number_speakers(segments), {}, forced, rng)
    return target


def text_of(segments: list[Segment]) -> str:
    numbers = number_speakers(segments)
    return json.dumps([segment_entry(segment, numbers) for segment in segments], separators=(",", ":"))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_given_is_what_the_server_gives(seed: int) -> None:
    rng = random.Random(seed)
    segments = talk(rng)
    forced = rng.randint(1, len(segments) - 1)
    target = written(segments, forced)
    given = target.ids[: next(place for place, weight in enumerate(target.weight) if weight)]
    prefix = text_of(segments[:forced]).removesuffix("]")
    assert given == TemplatePrompt(processor(TOKENIZER)).answer_start(prefix)
    assert all(target.weight[len(given) :])


@pytest.mark.parametrize("seed", range(20))
def test_an_end_weighs_more_than_a_start_and_may_be_told_by_what_follows(seed: int) -> None:
    segments = talk(random.Random(seed))
    target = written(segments, 0)
    ends = [
        (str(TOKENIZER.decode([token])), hi - lo)
        for token, weight, lo, hi in zip(target.ids, target.weight, target.lo, target.hi, strict=True)
        if weight == END
    ]
    assert "".join(digits for digits, _ in ends) == "".join(f"{segment.end:.2f}"[:-1] for segment in segments)
    assert {frames for _, frames in ends} == {11}


@pytest.mark.parametrize("seed", range(20))
def test_a_word_and_a_number_know_where_they_are_heard(seed: int) -> None:
    segments = talk(random.Random(seed))
    target = written(segments, 0)
    assert target.ids == TOKENIZER(TOKENIZER.decode(target.ids), add_special_tokens=False)["input_ids"]
    numbers = [at for at, number in enumerate(target.speaker) if number >= 0]
    spoken = [segment for segment in segments if not segment.tag]
    assert [target.voice[at] for at in numbers] == [segment.voice for segment in spoken]
    assert [TOKENIZER.decode([target.ids[at]]) for at in numbers] == [str(target.speaker[at]) for at in numbers]
    assert sum(voice != IGNORE for voice in target.voice) == len(spoken)
    said = ""
    for token, weight, lo in zip(target.ids, target.weight, target.lo, strict=True):
        if weight == 3.0:  # words and tags
            assert lo >= 0
            said += str(TOKENIZER.decode([token]))
    words = [[WORDS[word.index] for word in segment.words] if segment.words else ["Music"] for segment in segments]
    wanted = "".join(" ".join(one)[:1].upper() + " ".join(one)[1:] for one in words)
    assert said == wanted


@pytest.mark.parametrize("seed", range(20))
def test_a_word_knows_its_place_and_the_end_is_heard_behind_the_last(seed: int) -> None:
    spoken = [segment for segment in talk(random.Random(seed)) if not segment.tag]
    target = written(spoken, 0)
    places = [place for place, _ in groupby(zip(target.place, target.lo, strict=True)) if place[0] != IGNORE]
    assert [place for place, _ in places] == [place for segment in spoken for place in range(len(segment.words))]
    last = [at for at, (one, other) in enumerate(pairwise(target.place)) if one != IGNORE and other == IGNORE]
    assert len(last) == len(spoken)
    assert all(target.lo[at + 1] == target.hi[at] for at in last)


def test_an_answer_that_stutters_goes_on_as_the_one_that_does_not() -> None:
    stuttering = 0
    for seed in range(40):
        segments = talk(random.Random(seed))
        plain, stutters = written(segments, 1), written(segments, 1, random.Random(seed))
        first = next(place for place, weight in enumerate(plain.weight) if weight)
        assert stutters.ids[:first] == plain.ids[:first]
        rest = [(token, weight) for token, weight in zip(stutters.ids, stutters.weight, strict=True) if weight]
        assert rest == list(zip(plain.ids[first:], plain.weight[first:], strict=True))
        again = [at for at, weight in enumerate(stutters.weight) if not weight and at >= first]
        assert all(stutters.lo[at] < 0 and stutters.place[at] == IGNORE for at in again)
        stuttering += len(again)
        text = str(TOKENIZER.decode([stutters.ids[at] for at in again]))
        assert {*text.split()} <= {WORDS[word.index] for segment in segments for word in segment.words}
    assert stuttering > 10
