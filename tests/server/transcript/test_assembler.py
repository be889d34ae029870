from __future__ import annotations

import json
from collections.abc import Iterable
from statistics import fmean

import pytest
from hypothesis import given
from tokenizers import Tokenizer

from server.transcript import content_tokens
from server.transcript.answer_reader import AnswerReader
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob
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
    tokenizer: Tokenizer, vocabulary: Vocabulary, answer: str, *, cut: bool = False, logprobs: bool = True
) -> tuple[list[TranscriptEvent], Transcript]:
    """The answer token by token, each a bit less probable than the one before."""
    tokens = tokenizer.encode(answer, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, DURATION, logprobs=logprobs)
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


def spelling(tokens: Iterable[TokenLogprob]) -> str:
    """What tokens spell, without the JSON that the last of a segment may also hold."""
    spelled = b"".join(bytes(token.bytes) for token in tokens).decode()
    return spelled.replace('"}', "").replace(",{", "")


def test_logprobs_are_of_the_tokens_that_carry_speech(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    events, transcript = assemble(tokenizer, vocabulary, ANSWER)
    assert spelling(transcript.logprobs) == 'Good morning 😀."Yes, two', "a full stop and its quote are one piece"
    carried = [token for event in events if isinstance(event, SpeechDelta) for token in event.logprobs]
    assert carried == list(transcript.logprobs)
    logprobs = {token.logprob for token in transcript.logprobs}
    assert len(logprobs) == len(transcript.logprobs)  # no token twice
    first, music, last = transcript.segments
    assert len(first.tokens) + len(last.tokens) == len(logprobs)
    of_first = [token.logprob for token in transcript.logprobs[: len(first.tokens)]]
    assert first.avg_logprob == pytest.approx(fmean(of_first))
    assert last.avg_logprob == pytest.approx(fmean(t.logprob for t in transcript.logprobs[len(first.tokens) :]))
    means = [segment.avg_logprob or 0.0 for segment in (first, music, last)]
    assert means == sorted(means, reverse=True)
    assert len(set(means)) == 3


@pytest.mark.parametrize(
    "text", ['say "yes" or "no"', r"back\\slash\\", r"two\n lines", "a [b] c", "  padded", r"\u4f60\ud83d\ude00"]
)
@pytest.mark.parametrize("layout", ['[{{"Start":0,"End":1,"Content":"{}"}}]', '[{{"Content":"{}"'])
def test_every_token_of_the_text_is_there_once(
    tokenizer: Tokenizer, vocabulary: Vocabulary, text: str, layout: str
) -> None:
    _, transcript = assemble(tokenizer, vocabulary, layout.format(text))
    assert spelling(transcript.logprobs).strip('"}]') == text.strip('"')
    numbers = [round(-8 * token.logprob) for token in transcript.logprobs]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.parametrize("answer", ["Hello there, no segments.", '[{"Speaker":0,"Content":not even quotes'])
def test_an_answer_in_no_form_has_its_tokens_too(tokenizer: Tokenizer, vocabulary: Vocabulary, answer: str) -> None:
    _, transcript = assemble(tokenizer, vocabulary, answer)
    (segment,) = transcript.segments
    assert spelling(transcript.logprobs) == segment.text
    assert segment.avg_logprob == pytest.approx(fmean(token.logprob for token in transcript.logprobs))


def test_the_ids_of_a_segment_spell_its_text(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    _, transcript = assemble(tokenizer, vocabulary, ANSWER, logprobs=False)
    for segment in transcript.segments:
        spelled = b"".join(map(vocabulary.bytes_of, segment.tokens)).decode()
        before, text, behind = spelled.partition(segment.text)
        assert (text, before.strip(':"'), behind.strip('"},{]')) == (segment.text, "", "")


def test_a_token_is_handed_out_once_and_not_kept(
    tokenizer: Tokenizer, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in objects, not in seconds: what is kept of a long segment would be copied at its every word."""
    made: list[TokenLogprob] = []

    def counted(token: str, spelled: tuple[int, ...], logprob: float) -> TokenLogprob:
        made.append(TokenLogprob(token, spelled, logprob))
        return made[-1]

    monkeypatch.setattr(content_tokens, "TokenLogprob", counted)
    tokens = tokenizer.encode('[{"Content":"' + "on and " * 300, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, DURATION, logprobs=True)
    reader = assembler._reader
    assert isinstance(reader, AnswerReader)
    for token in tokens:
        assembler.feed((token,), (-0.5,))
        assert len(reader._tokens._unshown) <= 1  # a blank waits for the word behind it
        assert len(reader._tokens._undecided) <= 10
    assert 300 <= len(made) < len(tokens)


def test_no_logprobs_are_made_for_nobody(
    tokenizer: Tokenizer, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_tokens, "TokenLogprob", None)
    events, transcript = assemble(tokenizer, vocabulary, ANSWER, logprobs=False)
    assert transcript.logprobs == ()
    assert not any(event.logprobs for event in events if isinstance(event, SpeechDelta))
    assert all(segment.avg_logprob for segment in transcript.segments)


def test_a_cut_answer_is_told(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    events, transcript = assemble(tokenizer, vocabulary, ANSWER[: ANSWER.index(" two")], cut=True)
    assert deltas(events) == transcript.text == "Good morning 😀. Yes,"
    assert not transcript.complete
    assert len(transcript.notes) == 1


def test_special_tokens_leave_no_trace(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    plain = tokenizer.encode(ANSWER, add_special_tokens=False).ids
    start, end = token_id(tokenizer, "<|im_start|>"), token_id(tokenizer, "<|im_end|>")
    assembler = TranscriptAssembler(vocabulary, DURATION)
    tokens = [*(one for token in plain for one in (start, token)), end]
    assembler.feed(tokens, [-100.0 if token in (start, end) else 0.0 for token in tokens])
    _, transcript = assembler.finish(notes=["first"])
    assert transcript.segments[0].avg_logprob == 0.0
    assert start not in transcript.segments[0].tokens
    assert transcript.text == "Good morning 😀. Yes, two"
    assert transcript.notes == ("first",)


def test_reference_clips_are_taken_out_and_name_speakers(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    answer = written((0, 5, 0, "I am Ada"), (5, 6, None, "[Silence]"), (6, 9, 0, "Yes"), (9, 12, 1, "No"))
    tokens = tokenizer.encode(answer, add_special_tokens=False).ids
    assembler = TranscriptAssembler(vocabulary, 6.0, clips=[ReferenceClip("Ada", 0, 5)], offset=6.0, logprobs=True)
    events = assembler.feed(tokens, [-1.0] * len(tokens))
    _, transcript = assembler.finish()
    assert shown(events) == {0: "Yes", 1: " No"}
    assert transcript.text == "Yes No"
    assert [(s.start, s.end) for s in transcript.segments] == [(0.0, 3.0), (3.0, 6.0)]
    assert transcript.speaker_names == {0: "Ada"} == assembler.speaker_names
    assert spelling(transcript.logprobs) == "YesNo"
    assert json.dumps(transcript.duration) == "6.0"
