from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from tokenizers import Tokenizer

from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.references import ReferenceClip
from server.transcript.segments import Transcript, Usage
from tests.server.transcript.answers import (
    DURATION,
    answers,
    assert_sane,
    closed,
    deltas,
    examples,
    shown,
    token_id,
    written,
)

ANSWER = "assistant\n" + written((0, 4.5, 0, "Good morning 😀."), (4.5, 6, None, "[Music]"), (6, 9, 1, "Yes, two"))


def assemble(
    tokenizer: Tokenizer, vocabulary: Vocabulary, answer: str, *, cut: bool = False
) -> tuple[list[TranscriptEvent], Transcript]:
    tokens = tokenizer.encode(answer, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, DURATION)
    events: list[TranscriptEvent] = []
    for place, token in enumerate(tokens):
        events += assembler.feed((token,), (-place / 8,))
    last, transcript = assembler.finish(cut=cut, usage=Usage(10, 5, len(tokens)))
    return events + last, transcript


def test_events_and_transcript(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    events, transcript = assemble(tokenizer, vocabulary, ANSWER)
    assert deltas(events) == transcript.text == "Good morning 😀. Yes, two"
    assert closed(events) == list(transcript.segments)
    assert [(s.start, s.end, s.speaker, s.text) for s in transcript.segments] == [
        (0.0, 4.5, 0, "Good morning 😀."),
        (4.5, 6.0, None, "[Music]"),
        (6.0, 9.0, 1, "Yes, two"),
    ]
    assert (transcript.complete, transcript.notes, transcript.duration) == (True, (), DURATION)
    assert transcript.usage == Usage(10, 5, len(tokenizer.encode(ANSWER, add_special_tokens=False).ids))


@given(answer=answers())
@examples(25)
def test_deltas_add_up_to_the_text(tokenizer: Tokenizer, vocabulary: Vocabulary, answer: str) -> None:
    for whole in (answer, answer[: len(answer) * 2 // 3]):
        events, transcript = assemble(tokenizer, vocabulary, whole)
        assert deltas(events) == transcript.text
        assert_sane(transcript.segments)


def test_steps_of_several_tokens_say_the_same(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    tokens = tokenizer.encode(ANSWER, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, DURATION)
    events = assembler.feed(tokens, [-place / 8 for place in range(len(tokens))])
    assert (deltas(events), closed(events)) == (
        "Good morning 😀. Yes, two",
        closed(assemble(tokenizer, vocabulary, ANSWER)[0]),
    )


def test_logprobs_are_of_the_tokens_that_carry_speech(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    events, transcript = assemble(tokenizer, vocabulary, ANSWER)
    spelled = b"".join(bytes(token.bytes) for token in transcript.logprobs).decode()
    assert spelled.replace('"', "").replace("}", "").replace(",{", "") == "Good morning 😀.Yes, two"
    assert "Music" not in spelled
    carried = [token for event in events if isinstance(event, SpeechDelta) for token in event.logprobs]
    assert carried == list(transcript.logprobs)
    first, music, last = transcript.segments
    count = len(next(event for event in events if isinstance(event, SegmentClosed)).logprobs)
    assert first.avg_logprob == pytest.approx(math.fsum(t.logprob for t in transcript.logprobs[:count]) / count)
    means = [segment.avg_logprob or 0.0 for segment in (first, music, last)]
    assert means == sorted(means, reverse=True)
    assert len(set(means)) == 3


def test_a_cut_answer_is_told(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    events, transcript = assemble(tokenizer, vocabulary, ANSWER[: ANSWER.index(" two")], cut=True)
    assert deltas(events) == transcript.text == "Good morning 😀. Yes,"
    assert not transcript.complete
    assert len(transcript.notes) == 1


def test_special_tokens_leave_no_trace(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    plain = tokenizer.encode(ANSWER, add_special_tokens=False).ids
    start, end = token_id(tokenizer, "<|im_start|>"), token_id(tokenizer, "<|im_end|>")
    assembler = TranscriptAssembler(vocabulary, DURATION)
    assembler.feed([start, *plain, end], [0.0] * (len(plain) + 2))
    _, transcript = assembler.finish(notes=["first"])
    assert transcript.text == "Good morning 😀. Yes, two"
    assert transcript.notes == ("first",)


def test_reference_clips_are_taken_out_and_name_speakers(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    answer = written((0, 5, 0, "I am Ada"), (5, 6, None, "[Silence]"), (6, 9, 0, "Yes"), (9, 12, 1, "No"))
    tokens = tokenizer.encode(answer, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, 6.0, clips=[ReferenceClip("Ada", 0, 5)], offset=6.0)
    events = assembler.feed(tokens, [-1.0] * len(tokens))
    _, transcript = assembler.finish()
    assert shown(events) == {0: "Yes", 1: " No"}
    assert transcript.text == "Yes No"
    assert [(s.start, s.end) for s in transcript.segments] == [(0.0, 3.0), (3.0, 6.0)]
    assert transcript.speaker_names == {0: "Ada"} == assembler.speaker_names
    assert b"Ada" not in b"".join(bytes(token.bytes) for token in transcript.logprobs)
    assert json.dumps(transcript.duration) == "6.0"
