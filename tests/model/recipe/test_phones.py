"""The sounds of all synthesisers come out in one alphabet, with the times they had."""

from __future__ import annotations

import pytest

from model.tiny.recipe.speech import phones
from model.tiny.recipe.speech.phones import PHONE_CLASS, PHONES, from_arpabet, from_ipa


def _timed(characters: str) -> list[tuple[str, float, float]]:
    """A second for each."""
    return [(character, float(second), second + 1.0) for second, character in enumerate(characters)]


@pytest.mark.parametrize("table", ["_ARPABET", "_IPA"])
def test_every_sound_becomes_one_of_the_alphabet(table: str) -> None:
    assert set(getattr(phones, table).values()) <= set(PHONES)
    assert sorted(PHONE_CLASS.values()) == list(range(1, len(PHONES) + 1))  # 0 is left for silence


@pytest.mark.parametrize(
    ("arpabet", "ipa"),
    [
        ("hh ax l ow", "həlˈoʊ"), ("ch ey n jh ih ng", "tʃˈeɪndʒɪŋ"), ("th r iy", "θɹˈiː"), ("b er d", "bˈɜːd"),
        ("hh aw s", "hˈaʊs"), ("y eh l ow", "jˈɛləʊ"), ("sh ao r t", "ʃˈɔːɹt"), ("dh ae t", "ðˈæt"),
        ("n ay t s", "nˈaɪts"), ("k uh k", "kˈʊk"),
    ],
)  # fmt: skip
def test_both_ways_of_writing_lead_to_the_same_sounds(arpabet: str, ipa: str) -> None:
    assert [phone.symbol for phone in from_ipa(_timed(ipa))] == [from_arpabet(name) for name in arpabet.split()]


def test_silence_is_no_sound() -> None:
    assert from_arpabet("pau") is None


def test_a_stress_mark_lengthens_what_follows_and_a_length_mark_what_it_follows() -> None:
    sounds = from_ipa(_timed("ɹᵻpˈiːtʃn\N{COMBINING VERTICAL LINE BELOW}"))
    assert sounds == [("r", 0, 1), ("I#", 1, 2), ("p", 2, 3), ("i:", 3, 6), ("tS", 6, 8), ("n", 8, 10)]


def test_marks_of_stress_in_a_row_belong_to_the_sound_after_them() -> None:
    assert from_ipa(_timed("ˈˌtˈa")) == [("t", 0, 3), ("a", 3, 5)]


@pytest.mark.parametrize("character", ["!", "\N{MODIFIER LETTER TRIANGULAR COLON}"])
def test_what_stands_for_no_sound_is_told(character: str) -> None:
    with pytest.raises(ValueError, match="stands for no sound"):
        from_ipa(_timed(f"{character}a"))
