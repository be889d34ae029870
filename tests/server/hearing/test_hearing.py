"""Answers that run in circles: asked for again, left out, kept; and sound ones, which nobody touches."""

from __future__ import annotations

import json
from typing import cast

import pytest

from model.family import VIBEVOICE_ASR
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError
from server.engine.messages import EndReason
from server.hearing.heard import Heard
from server.hearing.hearing import Hearing, hear
from server.transcript.answer_reader import AnswerReader
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.repeats import LoopOutcome
from server.transcript.segments import UNINTELLIGIBLE, Segment
from tests.support.author import Author
from tests.support.looping_stream import LoopingStream

GRAMMAR = VIBEVOICE_ASR.grammar
SECONDS = 40.0
MOST = 1500
QUESTION = Question(max_tokens=MOST)
FIRST = GRAMMAR.segment(0.5, 3.0, 0, "Guten Morgen, wie geht es Ihnen?")
LAST = GRAMMAR.segment(30.0, 34.0, 1, "Das war es dann.")
REST = f",{GRAMMAR.segment(12.0, 15.0, 0, 'Und danach?')},{GRAMMAR.segment(15.5, 17, 1, 'Danach nach Hause.')},{LAST}]"
BEGUN = f'[{FIRST},{{"Start":4.0,"End":5.0,"Speaker":1,"Content":"Ich sage nur'
MALO = " malo malo," * 200


def heard_of(stream: LoopingStream, question: Question = QUESTION, *, last: bool = True, guard: bool = True) -> Hearing:
    return hear(
        cast(EngineStream, stream),
        question,
        stream.author.vocabulary,
        grammar=GRAMMAR,
        seconds=SECONDS,
        last=last,
        guard=guard,
    )


def text_of(author: Author, parts: list[Heard]) -> str:
    return "".join(part.forced + author.prompt.text(list(part.tokens)) for part in parts)


def read(author: Author, parts: list[Heard]) -> tuple[list[Segment], str]:
    """As a transcript reads it: its segments, and the text of all deltas of each, in one."""
    reader = AnswerReader(author.vocabulary, SECONDS)
    events = [
        event for part in parts for event in (*reader.begin(part.forced), *reader.feed(part.tokens, part.logprobs))
    ]
    events += reader.finish()
    deltas = "|".join(event.text for event in events if isinstance(event, SpeechDelta))
    return [event.segment for event in events if isinstance(event, SegmentClosed)], deltas.replace("|", "")


def segments_of(text: str) -> list[tuple[float, float, str]]:
    """Of an answer that has to be sound JSON."""
    return [(one["Start"], one["End"], one["Content"]) for one in json.loads(text)]


async def parts_of(stream: LoopingStream, question: Question = QUESTION) -> tuple[list[Heard], Hearing]:
    """All that is heard; what is passed on is what stands, at any time, and is asked for again token by token."""
    hearing = heard_of(stream, question)
    parts = [part async for part in hearing]
    assert hearing.done is not None
    assert stream.closed
    passed = [token for part in parts for token in part.tokens]
    text = text_of(stream.author, parts)
    for asked in stream.questions[1:]:
        stood = hearing.done.forced + stream.author.prompt.text(list(asked.begun))
        assert text.startswith(stood) or UNINTELLIGIBLE in stood or asked.temperature == question.temperature
    assert len(passed) <= hearing.done.answer_tokens
    segments, deltas = read(stream.author, parts)
    assert deltas == "".join(segment.text for segment in segments if segment.is_speech)
    whole = AnswerReader(stream.author.vocabulary, SECONDS)
    at_once = [*whole.begin(text), *whole.finish()]
    assert [(s.start, s.end, s.speaker, s.text) for s in segments] == [
        (e.segment.start, e.segment.end, e.segment.speaker, e.segment.text)
        for e in at_once
        if isinstance(e, SegmentClosed)
    ]
    return parts, hearing


@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_a_sound_answer_is_passed_on_as_it_is(author: Author, size: int) -> None:
    said = ["no no no no no.", "ja, ja", "你好。」", 'He said "no" to \\u00e9', "and/or {x} [y]", "👍🏽 ok", "[Music]"]
    answer = GRAMMAR.opening(GRAMMAR.segment(3 * i, 3 * i + 2, 0, text) for i, text in enumerate(said)) + "]"
    stream = LoopingStream(author, lambda question, before: answer, size)
    parts, hearing = await parts_of(stream)
    assert text_of(author, parts) == answer
    assert [token for part in parts for token in part.tokens] == author.vocabulary.ids(answer)
    assert hearing.loops == []
    assert len(stream.questions) == 1
    assert hearing.done is not None
    assert (hearing.done.reason, hearing.done.answer_tokens) == (EndReason.STOP, len(author.vocabulary.ids(answer)))
    assert hearing.first_token_at is not None


async def test_words_are_passed_on_while_they_are_written(author: Author) -> None:
    """And a segment's end with them: not when the next one begins."""
    answer = f"[{FIRST},{LAST}]"
    stream = LoopingStream(author, lambda question, before: answer, 1)
    reader = AnswerReader(author.vocabulary, SECONDS)
    hearing = heard_of(stream)
    closed = 0
    async for part in hearing:
        closed += sum(isinstance(event, SegmentClosed) for event in reader.feed(part.tokens, part.logprobs))
        if closed:
            break
    assert stream.written <= len(author.vocabulary.ids(f"[{FIRST}")) + 6


@pytest.mark.parametrize("warm", [0.2, 0.6])
async def test_a_loop_is_asked_for_again_behind_what_stands(author: Author, warm: float) -> None:
    def model(question: Question, before: str) -> str:
        if not before:
            return BEGUN + MALO
        if '"Start":12' in before:
            return (BEGUN + " gerade" + '"}' + REST).partition(before[-30:])[2]
        return ' dass es regnet."}' + REST if question.temperature >= warm - 1e-6 else MALO

    stream = LoopingStream(author, model)
    parts, hearing = await parts_of(stream)
    text = text_of(author, parts)
    assert text.startswith(BEGUN)
    assert text.endswith(' dass es regnet."}' + REST)
    assert text.count("malo") < 40
    [loop] = hearing.loops
    assert loop.outcome is LoopOutcome.RETRIED
    assert 3 < loop.start <= 5
    assert loop.attempts == round(warm / 0.2)
    temperatures = [round(question.temperature, 1) for question in stream.questions]
    assert temperatures == [*[0.0, 0.2, 0.4, 0.6][: loop.attempts + 1], 0.0]
    assert len({question.seed for question in stream.questions}) == len(stream.questions)
    assert stream.loops.stretches[loop.kind, "retried"] == 1
    assert stream.loops.tokens > 0


async def test_where_nothing_helps_the_stretch_is_left_out(author: Author) -> None:
    def model(question: Question, before: str) -> str:
        if not before:
            return BEGUN + MALO
        if before.endswith('"End":') and float(before.rpartition('"Start":')[2].partition(",")[0]) >= 5.5:
            return '12.0,"Speaker":0,"Content":"Weiter."}' + REST
        return MALO

    stream = LoopingStream(author, model)
    parts, hearing = await parts_of(stream)
    _, said, gap, *others = segments_of(text_of(author, parts))
    assert said[:2] == (4.0, 5.0)
    assert said[2].startswith("Ich sage nur")
    assert gap[1:] == (6.0, UNINTELLIGIBLE)
    assert 4 < gap[0] <= 5
    assert [text for _, _, text in others] == ["Weiter.", "Und danach?", "Danach nach Hause.", "Das war es dann."]
    [loop] = hearing.loops
    assert (loop.outcome, loop.end, loop.attempts) == (LoopOutcome.SKIPPED, 6.0, 3)
    assert loop.start <= gap[0]


LOOPS = {
    "words": MALO,
    "characters": "a" * 900,
    "segments": "},{".join(['"Start":5.0,"End":5.0,"Speaker":0,"Content":"La la la la."'] * 60),
}


@pytest.mark.parametrize("kind", LOOPS)
@pytest.mark.parametrize("size", [1, 7])
async def test_a_model_that_always_runs_in_circles_comes_to_an_end(author: Author, kind: str, size: int) -> None:
    """With a bounded amount of work, in sound JSON, over all of the audio."""

    def model(question: Question, before: str) -> str:
        opened = before.endswith('"End":')
        if kind == "segments":
            first = '9.0,"Speaker":0,"Content":"La la la la."},{' if opened else ""
            between = "[{" if not before else "},{" if before.endswith('."') else ",{" if before.endswith("}") else ""
            return (first or between) + LOOPS[kind]
        return ('9.0,"Speaker":0,"Content":"Und' if opened else BEGUN if not before else "") + LOOPS[kind]

    stream = LoopingStream(author, model, size)
    parts, hearing = await parts_of(stream)
    text = text_of(author, parts)
    segments = segments_of(text)
    assert segments[-1][1] == SECONDS
    assert UNINTELLIGIBLE in segments[-1][2]
    assert stream.written < 4 * MOST
    assert hearing.loops[-1].outcome is LoopOutcome.SKIPPED
    assert LoopOutcome.RETRIED not in {loop.outcome for loop in hearing.loops}
    assert hearing.done is not None
    assert hearing.done.reason is EndReason.STOP


async def test_a_litany_is_kept_when_it_is_said_again(author: Author) -> None:
    """Its times are sound, and another attempt says the same: it costs time, not words."""
    answer = "[" + GRAMMAR.segment(0, 39.5, 0, "Herr, erbarme dich. " * 26 + "Amen.") + "]"
    stream = LoopingStream(author, lambda question, before: answer[len(before) :])
    parts, hearing = await parts_of(stream)
    assert text_of(author, parts) == answer
    assert {loop.outcome for loop in hearing.loops} <= {LoopOutcome.KEPT}
    assert len(stream.questions) <= 3


async def test_behind_forced_segments(author: Author) -> None:
    """As live windows ask: what is forced in front is told first, and a gap has tokens where all is read at once."""
    prefix = GRAMMAR.opening([FIRST])

    def model(question: Question, before: str) -> str:
        whole = BEGUN + MALO
        if '"Start":5.5' in before:
            return '12.0,"Speaker":0,"Content":"Weiter."}' + REST
        return whole[len(before) :] if whole.startswith(before) else MALO

    question = Question(prefix=prefix, max_tokens=MOST)
    parts, _ = await parts_of(LoopingStream(author, model), question)
    forced = author.prompt.text(author.forced(prefix))
    assert parts[0] == Heard(forced, (), ())
    hearing = heard_of(LoopingStream(author, model), question, last=False)
    whole = await hearing.read()
    assert whole.done.forced == forced
    assert forced + author.prompt.text(list(whole.tokens)) == text_of(author, parts)
    assert len(whole.logprobs) == len(whole.tokens)
    assert not cast(LoopingStream, hearing._stream).closed


async def test_without_the_guard_nothing_is_asked_again(author: Author) -> None:
    stream = LoopingStream(author, lambda question, before: BEGUN + MALO)
    hearing = heard_of(stream, guard=False)
    parts = [part async for part in hearing]
    assert text_of(author, parts) == author.prompt.text(author.vocabulary.ids(BEGUN + MALO)[:MOST])
    assert hearing.done is not None
    assert hearing.done.answer_tokens == sum(len(part.tokens) for part in parts)
    assert len(stream.questions) == 1


async def test_who_leaves_while_it_is_asked_again_leaves_nothing_behind(author: Author) -> None:
    stream = LoopingStream(author, lambda question, before: (BEGUN if not before else "") + MALO)
    hearing = heard_of(stream)
    await stream.asked(3)
    stream.close()
    with pytest.raises((EngineError, AssertionError)):
        async for _ in hearing:
            pass
    await hearing._reading
