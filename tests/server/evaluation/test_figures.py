"""Cases whose figures can be counted by hand."""

from __future__ import annotations

import pytest

from server.evaluation.boundaries import boundary_errors
from server.evaluation.comparing import compare
from server.evaluation.edits import Edits, character_edits, word_edits
from server.evaluation.figures import Figures, evaluate
from server.evaluation.normalising import Normaliser, Unit
from server.evaluation.pooling import METRICS, estimate
from server.evaluation.rules import Rules
from server.evaluation.turns import Reference, Turn

ADA, BEN = "ada", "ben"
SAID = [Turn("Good morning, Ben!", 0.0, 2.0, ADA), Turn("It's twenty two degrees.", 2.5, 5.0, BEN)]
METRIC = {metric.name: metric for metric in METRICS}


def test_nothing_is_wrong_where_only_readers_would_not_care() -> None:
    told = [Turn("good morning Ben", 0.0, 2.0, "A"), Turn("It is 22 degrees", 2.5, 5.0, "B"), Turn("[Music]", 6.0, 9.0)]
    found = evaluate(Reference(SAID), told, Rules(language="en"))
    assert (found.words, found.characters, found.attributed, found.timed) == tuple(
        Edits(length, 0) for length in (7, 33, 7, 7)
    )
    assert found.diarization is not None
    assert (found.diarization.errors, found.boundaries) == (0.0, (0.0,) * 4)
    assert found.speakers is not None
    assert (found.speakers.said, found.speakers.told) == (2, 2)


def test_each_kind_of_edit_is_counted() -> None:
    assert word_edits(["a", "b", "c", "d"], ["a", "x", "c", "d", "e"]) == Edits(4, 2, 1, 0, 1)
    assert word_edits(["a"], []) == Edits(1, 1, 0, 1, 0)
    assert word_edits([], ["a"]).rate is None
    assert character_edits("ab cd", "abcd") == Edits(5, 1, 0, 1, 0)


def test_who_says_it_costs_in_cpwer_alone_and_when_in_tcpwer_alone() -> None:
    swapped = [Turn("good morning ben", 0.0, 2.0, "A"), Turn("it is 22 degrees", 2.5, 5.0, "A")]
    found = evaluate(Reference(SAID), swapped, Rules(language="en"))
    assert found.words == Edits(7, 0)
    assert found.attributed == Edits(7, 6)  # three words of one speaker are with the other: made up there, missed here
    late = [Turn("good morning ben", 30.0, 32.0, "A"), Turn("it is 22 degrees", 2.5, 5.0, "B")]
    found = evaluate(Reference(SAID), late, Rules(language="en"))
    assert (found.attributed, found.timed) == (Edits(7, 0), Edits(7, 6))


def test_a_reference_without_times_or_speakers_has_fewer_figures() -> None:
    told = [Turn("a b x", 0.0, 1.0, "A")]
    found = evaluate(Reference([Turn("a b c")]), told)
    assert found.words == Edits(3, 1, 1)
    assert (found.attributed, found.timed, found.diarization, found.speakers, found.boundaries) == (None,) * 5
    found = evaluate(Reference([], [Turn("", 0.0, 1.0, ADA)]), told)
    assert (found.words, found.characters, found.timed) == (None,) * 3
    assert found.diarization is not None
    assert (found.diarization.speech, found.diarization.errors) == (0.5, 0.0)  # a collar at each end


def test_where_nobody_says_a_word_all_words_are_made_up() -> None:
    silence = evaluate(Reference([]), [Turn("thank you", 0.0, 1.0, "A")])
    assert silence.words == Edits(0, 2, 0, 0, 2)
    found = estimate(METRIC["wer"], [figures(3), silence])
    assert found is not None
    assert (found.value, found.recordings) == (0.05, 2)
    assert evaluate(Reference([Turn("[Music]", 0.0, 9.0)]), [Turn("[Music]", 0.0, 9.0, "A")]).words == Edits(0, 0)


@pytest.mark.parametrize(
    ("language", "text", "units"),
    [
        ("en", "Mr. Smith's colour (laughs) uh, café", ["mister", "smith", "is", "color", "cafe"]),
        ("de", "Straße, fünf-mal!", ["straße", "fünf", "mal"]),
        ("hi", "हिन्दी।", ["हिन्दी"]),
        ("th", "สวัสดี ครับ", ["ส", "วั", "ส", "ดี", "ค", "รั", "บ"]),
        ("zh-CN", "你好, 世界。", ["你", "好", "世", "界"]),
    ],
)
def test_texts_are_compared_by_their_language(language: str, text: str, units: list[str]) -> None:
    assert Normaliser.of(language).units(text) == units


def test_a_reference_tells_its_language_and_characters_lead_where_there_are_no_spaces() -> None:
    assert Normaliser.found_in("The weather is nice today, and it was nice before.").language == "en"
    found = evaluate(
        Reference([Turn("今日は天気がいいですね", 0.0, 2.0, ADA)]), [Turn("今日は天気がいいです", 0.0, 2.0, "A")]
    )
    assert (found.language, found.unit, found.words) == ("ja", Unit.CHARACTER, None)
    assert found.characters == Edits(11, 1, 0, 1)
    assert found.attributed == Edits(11, 1)


def test_boundaries_are_those_of_the_turn_that_shares_most_time() -> None:
    said = [Turn("", 1.0, 3.0), Turn("", 5.0, 6.0), Turn("", 20.0, 21.0)]
    told = [Turn("", 0.0, 1.2), Turn("", 1.1, 3.5), Turn("", 3.5, 5.9)]
    assert boundary_errors(said, told) == pytest.approx((0.1, 0.5, 1.5, 0.1))


def figures(errors: int, length: int = 100, boundaries: tuple[float, ...] | None = None) -> Figures:
    return Figures("en", Unit.WORD, words=Edits(length, errors), boundaries=boundaries)


def test_figures_survive_a_file() -> None:
    found = evaluate(Reference(SAID), [Turn("good", 0.0, 1.0, "A")])
    assert Figures.from_json(found.as_json()) == found
    assert Figures.from_json(figures(3).as_json()) == figures(3)


def test_totals_weigh_by_length_and_their_interval_is_around_them() -> None:
    found = estimate(METRIC["wer"], [figures(10), figures(0, 300), figures(2)])
    assert found is not None
    assert found.value == pytest.approx(12 / 500)
    assert found.recordings == 3
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low < found.value < found.high <= 0.1
    assert estimate(METRIC["cer"], [figures(1)]) is None
    single = estimate(METRIC["boundary_median"], [figures(0, boundaries=(0.1, 0.2, 0.4))])
    assert single is not None
    assert (single.value, single.low) == (0.2, None)


def test_a_difference_in_each_recording_is_significant_and_noise_is_not() -> None:
    hard = [5, 40, 10, 70, 20, 33, 8, 51]
    better = compare(METRIC["wer"], [(figures(errors), figures(errors - 3)) for errors in hard])
    assert better is not None
    assert better.significant is True
    assert better.change == pytest.approx(-0.03)
    noise = compare(
        METRIC["wer"], [(figures(errors), figures(errors + (-1) ** n * 4)) for n, errors in enumerate(hard)]
    )
    assert noise is not None
    assert noise.significant is False
    few = compare(METRIC["wer"], [(figures(20), figures(10))] * 3)
    assert few is not None
    assert few.significant is None
    assert compare(METRIC["der"], [(figures(1), figures(2))]) is None
