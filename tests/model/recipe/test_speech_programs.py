"""What flite and festival say, where they are installed: the words asked for, each where it is heard."""

from __future__ import annotations

import shutil
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from model.tiny.recipe.speech import festival, flite
from model.tiny.recipe.speech.phones import PHONES
from model.tiny.recipe.speech.speaker import Part, Speaker, utterance
from model.tiny.recipe.speech.utterance import SAMPLE_RATE, Utterance

_WORDS = ["hello", "Monday", "x-ray", "A", "seven", "B", "morning"]
_SPEAKERS = [*(Speaker("flite", name) for name in flite.VOICES), *(Speaker("festival", n) for n in festival.VOICES)]


def _say(words: list[str], separator: str, speaker: Speaker) -> Utterance:
    if shutil.which(speaker.program) is None:
        pytest.skip(f"{speaker.program} is not installed")
    voices = Path("/usr/share/festival/voices")
    if speaker.program == "festival" and not list(voices.glob(f"*/{speaker.name}")):
        pytest.skip(f"festival's voice {speaker.name} is not installed")
    say = flite.say if speaker.program == "flite" else festival.say
    return say(words, separator, speaker)


def _loudness(said: Utterance, start: float, end: float) -> float:
    """In decibels."""
    piece = said.samples[max(0, round(start * SAMPLE_RATE)) : round(end * SAMPLE_RATE)]
    return float(10 * np.log10(np.mean(piece**2) + 1e-12))


@pytest.mark.parametrize("speaker", _SPEAKERS, ids=lambda speaker: speaker.name)
def test_each_word_is_where_it_is_heard(speaker: Speaker) -> None:
    said = _say(_WORDS, ", ", speaker)
    assert said.samples.dtype == np.float32
    assert np.abs(said.samples).max() <= 1
    assert [word.word for word in said.words] == _WORDS
    assert all(before.end <= after.start for before, after in pairwise(said.words))
    for word in said.words:
        assert word.start < word.end <= len(said.samples) / SAMPLE_RATE
        assert _loudness(said, word.start, word.end) > -35
        assert all(_loudness(said, phone + word.start, end + word.start) > -60 for _, phone, end in word.phones)
    # Silence up to the first word and behind the last; in between, where the voice makes a pause.
    assert _loudness(said, 0, said.words[0].start - 0.03) < -45
    assert _loudness(said, said.words[-1].end + 0.05, len(said.samples) / SAMPLE_RATE) < -45


@pytest.mark.parametrize("separator", [", ", " "])
@pytest.mark.parametrize("speaker", _SPEAKERS, ids=lambda speaker: speaker.name)
def test_the_sounds_of_a_word_fill_it_in_order(speaker: Speaker, separator: str) -> None:
    words = {word.word: word for word in _say(_WORDS, separator, speaker).words}
    for word in words.values():
        assert word.phones[0].start == pytest.approx(0, abs=1e-3)
        assert word.phones[-1].end == pytest.approx(word.end - word.start, abs=1e-3)
        assert all(before.end == pytest.approx(after.start, abs=1e-3) for before, after in pairwise(word.phones))
        assert {phone.symbol for phone in word.phones} <= set(PHONES)
    assert [phone.symbol for phone in words["seven"].phones] == ["s", "E", "v", "@", "n"]
    assert [phone.symbol for phone in words["x-ray"].phones] == ["E", "k", "s", "r", "eI"]
    assert [phone.symbol for phone in words["A"].phones] == ["eI"]
    assert [phone.symbol for phone in words["B"].phones] == ["b", "i:"]


@pytest.mark.parametrize("speaker", _SPEAKERS, ids=lambda speaker: speaker.name)
def test_no_letter_is_taken_for_a_number_or_the_article(speaker: Speaker) -> None:
    said = _say(["section", "V", "on", "A", "hundred", "X"], " ", speaker)
    spoken = [[phone.symbol for phone in word.phones] for word in said.words]
    assert (spoken[1], spoken[3], spoken[5]) == (["v", "i:"], ["eI"], ["E", "k", "s"])


@pytest.mark.parametrize("speaker", _SPEAKERS, ids=lambda speaker: speaker.name)
def test_a_word_that_is_said_with_an_ending_of_its_own_has_it(speaker: Speaker) -> None:
    """In festival the ending is a word without times; its sound is the word's before it."""
    said = _say(["one", "today's", "two"], ", ", speaker)
    assert [phone.symbol for phone in said.words[1].phones][-2:] == ["eI", "z"]
    assert said.words[0].end <= said.words[1].start < said.words[1].end <= said.words[2].start


@pytest.mark.parametrize("speaker", _SPEAKERS, ids=lambda speaker: speaker.name)
def test_a_voice_stretched_speaks_for_longer_and_only_then(speaker: Speaker) -> None:
    stretched = Speaker(speaker.program, speaker.name, 1.25)
    first, longer, again = (_say(_WORDS, " ", by) for by in (speaker, stretched, speaker))
    assert longer.words[-1].end == pytest.approx(1.25 * first.words[-1].end, rel=0.03)
    assert again.words == first.words


@pytest.mark.parametrize("speaker", _SPEAKERS[::4], ids=lambda speaker: speaker.program)
def test_what_is_said_otherwise_than_written_is_told_and_the_next_is_said(speaker: Speaker) -> None:
    with pytest.raises(ValueError, match="42"):
        _say(["hello", "42"], " ", speaker)
    assert [word.word for word in _say(["hello"], " ", speaker).words] == ["hello"]


def test_a_voice_that_festival_lacks_is_told_and_the_next_is_said() -> None:
    speaker = Speaker("festival", festival.VOICES[0])
    _say(["hello"], " ", speaker)
    with pytest.raises(OSError, match="voice_nobody"):
        festival.say(["hello"], " ", Speaker("festival", "nobody"))
    assert [word.word for word in _say(["hello"], " ", speaker).words] == ["hello"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_speak_beside_one_another() -> None:
    speaker = Speaker("festival", festival.VOICES[0])
    expected = [_say([word], " ", speaker).words for word in _WORDS]
    with get_context("fork").Pool(2) as pool:
        said = pool.starmap(festival.say, [([word], " ", speaker) for word in _WORDS], chunksize=1)
    assert [utterance.words for utterance in said] == expected


def test_words_are_put_together_from_what_belongs_to_one_token() -> None:
    parts = [Part("x", 0.1, 0.3, "1"), Part("ray", 0.3, 0.6, "1"), Part("is", 0.7, 0.8, "2")]
    ends = [("pau", 0.1), ("eh", 0.2), ("k", 0.3), ("r", 0.4), ("ey", 0.6), ("pau", 0.7), ("ih", 0.8)]
    said = utterance(["X-ray", "is"], np.zeros(16_000, np.int16), 16_000, parts, ends)
    assert len(said.samples) == SAMPLE_RATE
    assert [(word.word, word.start, word.end) for word in said.words] == [("X-ray", 0.1, 0.6), ("is", 0.7, 0.8)]
    assert [[phone.symbol for phone in word.phones] for word in said.words] == [["E", "k", "r", "eI"], ["I"]]
    with pytest.raises(ValueError, match="was said as"):
        utterance(["X", "ray", "is"], np.zeros(16_000, np.int16), 16_000, parts, ends)
