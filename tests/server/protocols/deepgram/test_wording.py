"""Terms replaced, numbers in digits, profanity masked, and terms found."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any
from urllib.parse import parse_qsl

import pytest

from server.live.vocabulary.events import Hypothesis, SegmentCommitted, WordsCommitted
from server.protocols.deepgram.alternatives import ModelIdentity, Passage, alternative
from server.protocols.deepgram.live_results import LiveResults
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.search import hits
from server.protocols.deepgram.wording import Wording
from server.transcript.segments import Segment, Transcript
from server.transcript.words import segment_words
from tests.support.spoken_words import spoken
from tests.support.thread_seconds import thread_seconds


def told(query: str, text: str) -> str:
    wording = ListenQuery.parse(parse_qsl(query, keep_blank_values=True)).wording
    transcript = wording.transcript(Transcript((Segment(0, 0.0, 4.0, 0, text),), 4.0))
    (passage,) = wording.passages([Passage.of(Segment(0, 0.0, 4.0, 0, text))]) or [Passage("", ())]
    assert passage.text == transcript.text
    assert "".join(word.word for word in passage.words) == passage.text.replace(" ", "")
    return transcript.text


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("replace=monika:Monica", "Monika, and monika's Monikas.", "Monica, and Monica's Monikas."),
        ("replace=monika jon:monica john", "Hello MONIKA  Jon!", "Hello monica john!"),
        ("replace=a:b&replace=a c:d", "a c a", "d b"),
        ("replace=um:", "Um, so um I said um.", "so I said."),
        ("replace=c:see", "c++ and C.", "see++ and see."),
        ("replace=c%2B%2B:Rust", "I write c++ daily", "I write Rust daily"),
        ("replace=天气:氣候", "今天天气很好", "今天氣候很好"),
        ("replace=time:10:30", "at what time?", "at what 10:30?"),
        ("replace=hi:\\1", "hi", "\\1"),
        ("replace=all:", "all", ""),
    ],
)
def test_replacing(query: str, text: str, expected: str) -> None:
    assert told(query, text) == expected


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("numerals=true", "I paid one hundred and twenty five dollars.", "I paid 125 dollars."),
        ("numerals=true", "Twenty-five people and one dog.", "25 people and one dog."),
        ("numerals=true&language=fr", "Il y a vingt-cinq personnes.", "Il y a 25 personnes."),
        (
            "numerals=true",
            "Es waren gestern dreihundert Autos auf der Straße zu sehen.",
            "Es waren gestern 300 Autos auf der Straße zu sehen.",
        ),
        ("numerals=true", "今天有二十五个人来参加我们的会议。", "今天有二十五个人来参加我们的会议。"),
        ("numerals=false", "twenty five", "twenty five"),
    ],
)  # fmt: skip
def test_numerals(query: str, text: str, expected: str) -> None:
    assert told(query, text) == expected


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("profanity_filter=true", "This is bullshit, you Bastard!", "This is b*******, you B******!"),
        ("profanity_filter=true", "Fucking fuck's sake.", "F****** f***'s sake."),
        ("profanity_filter=true", "A classic assessment by Dick Cheney.", "A classic assessment by Dick Cheney."),
        ("profanity_filter=true&language=de-DE", "Dicke Fahrt, so eine Scheiße.", "Dicke Fahrt, so eine S******."),
        ("profanity_filter=true&language=uk", "shit", "shit"),
        ("profanity_filter=false", "shit", "shit"),
    ],
)  # fmt: skip
def test_profanity_is_masked(query: str, text: str, expected: str) -> None:
    assert told(query, text) == expected


def test_nothing_is_changed_unless_asked() -> None:
    transcript = Transcript((Segment(0, 0.0, 4.0, 0, "shit  twenty five"),), 4.0)
    assert Wording().transcript(transcript) is transcript


def test_tags_stay_and_emptied_segments_go() -> None:
    segments = (Segment(0, 0, 1, 0, "Um."), Segment(1, 1, 2, None, "[Music]"), Segment(2, 2, 3, 1, "Yes um yes."))
    changed = Wording([("um.", ""), ("um", "")]).transcript(Transcript(segments, 3.0))
    assert [segment.text for segment in changed.segments] == ["[Music]", "Yes yes."]


def rendered(query: str, *texts: str) -> dict[str, Any]:
    segments = tuple(Segment(place, place, place + 1.0, place % 2, text, -0.1) for place, text in enumerate(texts))
    answer: dict[str, Any] = render(
        Transcript(segments, float(len(texts))),
        ListenQuery.parse(parse_qsl(query)),
        served_model="m",
        request_id="r",
        sha256="00",
        created="2026-01-02T03:04:05.678Z",
    )
    return answer


def test_a_file_is_told_in_these_words_everywhere() -> None:
    answer = rendered(
        "replace=bern:Basel&numerals=true&profanity_filter=true&utterances=true&paragraphs=true&extra=a:b&tag=t",
        "To Bern at twenty five.",
        "Oh shit.",
    )
    best = answer["results"]["channels"][0]["alternatives"][0]
    assert best["transcript"] == "To Basel at 25. Oh s***."
    assert [word["punctuated_word"] for word in best["words"]] == ["To", "Basel", "at", "25.", "Oh", "s***."]
    assert [one["transcript"] for one in answer["results"]["utterances"]] == ["To Basel at 25.", "Oh s***."]
    assert best["paragraphs"]["transcript"] == "To Basel at 25.\n\nOh s***."
    assert (answer["metadata"]["extra"], answer["metadata"]["tags"]) == ({"a": "b"}, ["t"])


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", {"In": 0.9, "new": 0.8, "york": 0.7, "at": 0.6, "twenty": 0.5, "five": 0.4, "trains.": 0.3}),
        ("replace=new york:NYC", {"In": 0.9, "NYC": 0, "at": 0.6, "twenty": 0.5, "five": 0.4, "trains.": 0.3}),
        ("numerals=true", {"In": 0.9, "new": 0.8, "york": 0.7, "at": 0.6, "25": 0, "trains.": 0.3}),
        ("replace=in:", {"new": 0.8, "york": 0.7, "at": 0.6, "twenty": 0.5, "five": 0.4, "trains.": 0.3}),
        ("replace=in:trains.", {"trains.": 0, "new": 0.8, "york": 0.7, "at": 0.6, "twenty": 0.5, "five": 0.4}),
        ("replace=trains:a b c", {"In": 0.9, "new": 0.8, "york": 0.7, "at": 0.6, "twenty": 0.5, "five": 0.4, "a": 0}),
    ],
)
def test_words_that_stay_are_as_sure_as_before(query: str, told: dict[str, float]) -> None:
    """What is put in the place of others is as sure as all of them."""
    sure = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
    said = spoken("In new york at twenty five trains.", *map(math.log, sure))
    mean = math.exp(fmean(map(math.log, sure)))
    wording = ListenQuery.parse(parse_qsl(query)).wording
    file = wording.transcript(Transcript((said,), 4.0)).segments
    for passages in (list(map(Passage.of, file)), wording.passages([Passage.of(said)])):
        words: list[Any] = alternative(passages, speakers=False)["words"]
        for (word, confidence), found in zip(told.items(), words, strict=False):
            assert found["punctuated_word"] == word
            assert found["confidence"] == pytest.approx(confidence or mean, abs=1e-4)


def test_words_of_a_long_text_are_found_again_in_no_time_of_its_square() -> None:
    """Every second word is changed, and all of the rest are the same."""
    wording = ListenQuery.parse(parse_qsl("replace=a:b")).wording

    def seconds(count: int) -> float:
        said = spoken("a b " * count, *[-0.5] * (2 * count))
        return thread_seconds(lambda: wording.transcript(Transcript((said,), 4.0)))

    seconds(100)
    assert min(seconds(4000) for _ in range(3)) < 10 * min(seconds(1000) for _ in range(3))


def test_terms_are_found_over_segments_and_in_any_case() -> None:
    search = rendered(
        "search=the Train&search=nowhere&search=天气", "Take the", "train. The train! 今天天气", "a train"
    )
    channel = search["results"]["channels"][0]
    train, nowhere, weather = channel["search"]
    assert (train["query"], nowhere, len(weather["hits"])) == ("the Train", {"query": "nowhere", "hits": []}, 1)
    first, second = train["hits"]
    words = channel["alternatives"][0]["words"]
    assert first == {
        "confidence": 0.9048,
        "start": words[1]["start"],
        "end": words[2]["end"],
        "snippet": "the train",
    }
    assert 1 < second["start"] < second["end"] < 2


def test_terms_are_found_though_they_are_told_in_other_words() -> None:
    answer = rendered("search=twenty five&search=Bern&numerals=true&replace=bern:Basel", "Twenty five trains to Bern.")
    numbers, town = answer["results"]["channels"][0]["search"]
    assert [hit["snippet"] for hit in numbers["hits"] + town["hits"]] == ["25", "basel"]
    assert (numbers["query"], town["query"]) == ("twenty five", "Bern")


def test_of_marks_alone_nothing_is_found() -> None:
    words = alternative([Passage.of(Segment(0, 0, 1, 0, "Yes, no."))], speakers=False)["words"]
    assert [one["hits"] for one in hits(["?", " "], words, Wording())] == [[], []]


def test_a_session_is_told_in_these_words_interim_and_final() -> None:
    query = ListenQuery.parse(parse_qsl("replace=new york:NYC&numerals=true&search=NYC&extra=a:b"))
    results = LiveResults(
        ModelIdentity("m"),
        request_id="r",
        interim=True,
        speakers=True,
        wording=query.wording,
        search=query.search,
        repeated=query.repeated,
    )
    segment = Segment(0, 0.0, 2.0, 1, "Twenty five in New York.")
    words = tuple(segment_words(segment))
    results.commit(WordsCommitted(0, 1, words[:4], "Twenty five in New"))
    (interim,) = results.suppose(Hypothesis((Segment(0, 1.5, 2.0, 1, "York."),)))
    results.close(SegmentCommitted(segment).segment)
    (final,) = results.release()
    told: list[Any] = [interim, final]
    for message in told:
        channel = message["channel"]
        assert channel["alternatives"][0]["transcript"] == "25 in NYC."
        assert {word["speaker"] for word in channel["alternatives"][0]["words"]} == {1}
        assert len(channel["search"][0]["hits"]) == 1
        assert message["metadata"]["extra"] == {"a": "b"}
