"""What interim results cost, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from server.live.vocabulary.events import Hypothesis, WordsCommitted
from server.protocols.deepgram import alternatives, live_results
from server.protocols.deepgram.alternatives import Alternative, ModelIdentity, Passage, alternative
from server.protocols.deepgram.live_results import LiveResults
from server.transcript.segments import Segment
from server.transcript.words import joined, segment_words
from tests.server.protocols.deepgram.conversation import Conversation, best, segment, text
from tests.support.spoken_words import spoken

WHOLE = Segment(0, 0.0, 4.0, 0, "One two three four.", math.log(0.5))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was built: texts of alternatives, and "words" for each text that was cut into words."""
    work: list[str] = []

    def counted(passages: Sequence[Passage], *, speakers: bool) -> Alternative:
        answer = alternative(passages, speakers=speakers)
        work.append(answer["transcript"])
        return answer

    def cut(of: Segment) -> Sequence[object]:
        work.append("words")
        return segment_words(of)

    monkeypatch.setattr(live_results, "alternative", counted)
    monkeypatch.setattr(alternatives, "segment_words", cut)
    return work


def _commit(talk: Conversation, first: int, last: int, logprob: float | None) -> None:
    words = [replace(word, logprob=logprob) for word in segment_words(WHOLE)[first:last]]
    talk.hear(WordsCommitted(0, 0, tuple(words), joined(words), words[0].lead))


def test_audio_that_brings_no_other_text_builds_nothing(built: list[str]) -> None:
    talk = Conversation("interim_results=true&utterance_end_ms=1000")
    _commit(talk, 0, 2, None)
    talk.suppose(segment(0, 2.0, 4.0, "three four."))
    built.clear()
    for piece in range(500):
        assert talk.audio(4.0 + piece / 50) == []
    assert built == []


def test_text_that_changed_is_built_once_and_shown_with_the_next_audio(built: list[str]) -> None:
    talk = Conversation("interim_results=true")
    talk.suppose(segment(0, 0.0, 2.0, "One two"), segment(1, 2.0, 4.0, "Yes."))
    talk.close(segment(0, 0.0, 2.0, "One two"))
    built.clear()
    (shown,) = talk.audio(4.0)
    assert text(shown) == "Yes."
    assert talk.audio(4.1) == talk.audio(4.2) == []
    assert built == ["words", "Yes."]


def test_without_interim_results_none_is_built(built: list[str]) -> None:
    talk = Conversation()
    built.clear()
    _commit(talk, 0, 2, None)
    talk.suppose(segment(0, 2.0, 4.0, "three four."))
    talk.audio(4.0)
    assert built == []


def test_nothing_is_built_while_a_final_result_waits_for_the_end_of_its_turn(built: list[str]) -> None:
    talk = Conversation("interim_results=true")
    talk.suppose(WHOLE)
    talk.silence(4.0)
    talk.close(WHOLE)
    built.clear()
    assert talk.audio(4.1) == talk.audio(4.2) == []
    assert built == []
    (final,) = talk.flushed(4.0)
    assert text(final) == "One two three four."


def test_what_is_open_behind_a_final_result_is_shown_again() -> None:
    results = LiveResults(ModelIdentity("any"), request_id="any", interim=True, speakers=False)
    (before,) = results.suppose(Hypothesis((WHOLE,)))
    results.finish(1.0)
    (behind,) = results.listened(1.5)
    assert before["channel"] == behind["channel"]
    assert (behind["start"], behind["duration"]) == (1.0, 0.5)
    assert results.listened(2.0) == []


def test_words_are_as_sure_as_the_model_was() -> None:
    talk = Conversation("interim_results=true")
    talk.suppose(Segment(0, 0.0, 4.0, 0, "One two three", math.log(0.9)))
    _commit(talk, 0, 2, math.log(0.8))
    (interim,) = talk.hear(Hypothesis((Segment(0, 2.0, 4.0, 0, "three four.", math.log(0.25)),), " "))
    assert [word["confidence"] for word in best(interim)["words"]] == [0.8, 0.8, 0.25, 0.25]
    assert best(interim)["confidence"] == 0.525
    _commit(talk, 2, 4, math.log(0.5))
    (final,) = talk.close(WHOLE)
    assert {word["confidence"] for word in best(final)["words"]} == {0.5}
    assert best(final)["confidence"] == 0.5


def test_each_word_is_as_sure_as_its_own_tokens() -> None:
    talk = Conversation("interim_results=true")
    whole = spoken("One two three.", *map(math.log, (0.9, 0.5, 0.1)))
    (interim,) = talk.suppose(whole)
    assert [word["confidence"] for word in best(interim)["words"]] == [0.9, 0.5, 0.1]
    assert best(interim)["confidence"] == 0.5
    talk.hear(WordsCommitted(0, 0, tuple(segment_words(whole))[:2], "One two"))
    (interim,) = talk.hear(Hypothesis((spoken("four", math.log(0.3)),)))
    assert [word["confidence"] for word in best(interim)["words"]] == [0.9, 0.5, 0.3]
    (final,) = talk.close(whole)
    assert [word["confidence"] for word in best(final)["words"]] == [0.9, 0.5, 0.1]


def test_words_of_which_nothing_is_known_are_not_doubted() -> None:
    talk = Conversation("interim_results=true")
    (interim,) = talk.suppose(Segment(0, 0.0, 4.0, 0, "One two three"))
    assert {word["confidence"] for word in best(interim)["words"]} == {best(interim)["confidence"]} == {1.0}
