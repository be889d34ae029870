"""Which language was spoken: told in all served languages, never wrongly, and not at all where nobody could tell."""

from __future__ import annotations

import pytest

from server.transcript.language import heard_language, spoken_language
from server.transcript.language_names import LANGUAGE_NAMES
from tests.support.spoken_texts import SAID, UNCERTAIN


def test_there_are_texts_in_every_language_that_is_told() -> None:
    assert SAID.keys() == LANGUAGE_NAMES.keys()


@pytest.mark.parametrize("code", SAID)
def test_a_sentence_or_two_tell_the_language(code: str) -> None:
    assert [spoken_language(text) for text in SAID[code]] == [code] * len(SAID[code])


@pytest.mark.parametrize("text", UNCERTAIN)
def test_nothing_is_said_where_nobody_could_tell(text: str) -> None:
    assert spoken_language(text) is None


def test_parts_of_sentences_are_told_rightly_or_not_at_all() -> None:
    """The words of live turns: of those told hardly one may be wrong, and many have to be told."""
    told = [
        (code, spoken_language(" ".join(text.split()[:words])))
        for code, texts in SAID.items()
        for text in texts
        for words in (3, 6, 9)
    ]
    wrong = [(code, said) for code, said in told if said not in (code, None)]
    assert len(wrong) <= 0.01 * len(told), wrong
    assert sum(said is not None for _, said in told) > 0.5 * len(told)


def test_two_languages_are_a_mix_in_any_order() -> None:
    alphabets = ["de", "en", "es", "fi", "fr", "hu", "it", "nl", "pl", "pt", "sv", "tr", "vi"]
    for first in alphabets:
        for second in alphabets:
            if first != second:
                assert spoken_language(f"{SAID[first][0]} {SAID[second][0]}") is None, (first, second)


def test_a_greeting_in_another_language_changes_nothing() -> None:
    assert spoken_language("Bonjour! " + " ".join(SAID["en"])) == "en"
    assert spoken_language(" ".join(SAID["de"]) + " Thank you, bye-bye!") == "de"


def test_an_hour_is_told_by_its_beginning_and_its_end() -> None:
    english, german = (" ".join(SAID[code][:2]) + " " for code in ("en", "de"))
    assert spoken_language(english * 300) == "en"
    assert spoken_language(english * 150 + german * 150) is None
    assert spoken_language(english * 290 + german * 10) == "en"


def test_tags_are_no_words() -> None:
    assert spoken_language("[Music] " + SAID["fr"][0] + " [Environmental Sounds]") == "fr"


def test_the_way_letters_are_written_does_not_matter() -> None:
    assert spoken_language(SAID["en"][0].upper()) == "en"
    assert spoken_language(SAID["en"][0].lower()) == "en"


def test_how_certain_it_is() -> None:
    script, words = heard_language(SAID["ko"][0]), heard_language(SAID["en"][0])
    assert script is not None
    assert words is not None
    assert (script.confidence, script.name) == (1.0, "korean")
    assert 0.7 <= words.confidence <= 1.0
    assert heard_language(SAID["en"][0]) == words
