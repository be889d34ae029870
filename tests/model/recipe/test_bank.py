"""What the recipe keeps of speech: utterances, the words cut out of them, and who is said to speak."""

from pathlib import Path

import numpy as np
import pytest

from model.tiny.recipe.speech import casts, kokoro
from model.tiny.recipe.speech.bank import fill, kept
from model.tiny.recipe.speech.espeak import training_voices
from model.tiny.recipe.speech.script import file_of, said_by, script
from model.tiny.recipe.speech.utterance import SAMPLE_RATE, Phone, Samples, Spoken, Utterance
from model.tiny.recipe.speech.voices import Voice
from model.tiny.recipe.vocabulary import LETTERS, WORDS


def tone(seconds: float) -> Samples:
    return np.asarray(0.3 * np.sin(np.arange(round(seconds * SAMPLE_RATE)) * 0.1), np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def two_words() -> Utterance:
    """0.2 s of silence, 0.3 s of one word, 0.5 s of silence, 0.4 s of another; said to last into the silence."""
    samples = np.concatenate([silence(0.2), tone(0.3), silence(0.5), tone(0.4), silence(0.3)])
    phones = Phone("w", 0.0, 0.1), Phone("V", 0.1, 0.25), Phone("n", 0.25, 0.6)
    return Utterance(samples, (Spoken("one", 0.2, 0.8, phones), Spoken("two", 0.99, 1.6)))


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    said = two_words()
    said.save(tmp_path / "it.list.npz")
    read = Utterance.load(tmp_path / "it.list.npz")
    assert [word.word for word in read.words] == ["one", "two"]
    assert [phone.symbol for phone in read.words[0].phones] == ["w", "V", "n"]
    assert read.words[0].phones[2][1:] == pytest.approx((0.25, 0.6))
    assert np.abs(read.samples - said.samples).max() < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == ["it.list.npz"]


def test_a_word_is_cut_to_what_is_heard_of_it() -> None:
    word = two_words().part(0, 1)
    assert len(word.samples) / SAMPLE_RATE == pytest.approx(0.3, abs=0.011)
    assert word.words[0].start == pytest.approx(0, abs=0.011)
    assert word.words[0].phones[-1].end == pytest.approx(0.3, abs=0.011)
    other = two_words().part(1, 2)
    assert len(other.samples) / SAMPLE_RATE == pytest.approx(0.4, abs=0.011)
    both = two_words().part(0, 2)
    assert both.words[1].start == pytest.approx(0.79, abs=0.011)


def test_where_nothing_is_heard_there_is_no_word() -> None:
    with pytest.raises(ValueError, match="silence"):
        Utterance(silence(1.0), (Spoken("one", 0.2, 0.5),)).part(0, 1)


def test_a_longer_throat_says_the_same_later() -> None:
    said = two_words().resampled(1.1)
    assert len(said.samples) == pytest.approx(1.1 * len(two_words().samples), abs=2)
    assert said.words[1].start == pytest.approx(1.1 * 0.99)
    assert said.words[0].phones[1].end == pytest.approx(1.1 * 0.25)


@pytest.mark.parametrize("pace", [0.5, 1.25])
def test_at_another_pace_the_same_is_said_at_the_same_pitch(pace: float) -> None:
    said, other = two_words(), two_words().at_pace(pace)
    assert len(other.samples) == round(len(said.samples) / pace)
    assert other.words[1].start == pytest.approx(0.99 / pace)
    assert other.words[0].phones[1].end == pytest.approx(0.25 / pace)
    for number in (0, 1):
        before, after = said.part(number, number + 1), other.part(number, number + 1)
        assert len(after.samples) == pytest.approx(len(before.samples) / pace, abs=0.05 * SAMPLE_RATE)
        pitch = [np.abs(np.fft.rfft(each.samples, SAMPLE_RATE)).argmax() for each in (before, after)]
        assert pitch[0] == pytest.approx(pitch[1], abs=5)


def test_a_bank_gives_back_words_and_sentences(tmp_path: Path) -> None:
    voices = training_voices(2, seed=3)
    for number, listed in enumerate((True, False)):
        two_words().save(file_of(tmp_path, "somebody", number, listed=listed))
    two_words().save(file_of(tmp_path, "somebody else", 0, listed=True))
    bank = fill(tmp_path / "bank", [(voices[0], said_by(tmp_path, "somebody")), (voices[1], [])])
    one, two = bank.index["one"], bank.index["two"]
    assert bank.words_of(0) == sorted([one, two])
    assert bank.words_of(1) == []
    (sentence,) = bank.sentences(0)
    assert [word.word for word in bank.utterance(sentence).words] == ["one", "two"]
    assert [phone.symbol for phone in bank.utterance(bank.takes(0, one)[0]).words[0].phones] == ["w", "V", "n"]
    assert np.sqrt(np.mean(bank.word(0, two) ** 2)) == pytest.approx(0.1, rel=0.01)
    assert kept(tmp_path / "bank", voices) is not None
    assert kept(tmp_path / "bank", voices[:1]) is None


def test_a_voice_says_the_whole_vocabulary() -> None:
    lines = script("af_bella")
    listed = [word for line in lines if line.listed for word in line.words]
    assert sorted(listed) == sorted([*(word for word in WORDS if word not in LETTERS), *LETTERS, "I"])
    assert any(len(line.words) > 2 for line in lines if not line.listed)
    assert lines == script("af_bella")
    assert lines != script("af_sky")


def test_who_is_held_out_is_in_no_blend() -> None:
    names = [*kokoro.HELD_OUT, "af_nicole", "af_bella", "am_adam", "bf_emma", "bm_lewis", "jf_alpha"]
    learned, held_out = kokoro.speakers(names)
    heard = {name for blend in learned for name in blend.shares}
    assert heard == {"af_bella", "am_adam", "bf_emma", "bm_lewis"}
    assert {blend.name for blend in held_out} == set(kokoro.HELD_OUT)
    assert all(sum(blend.shares.values()) == pytest.approx(1) for blend in learned)
    assert not {*casts.LEARNED} & {*casts.HELD_OUT}


def test_words_are_told_apart_by_their_blanks() -> None:
    symbols = [("h", 0.1, 0.2), ("aɪ"[0], 0.2, 0.3), ("ɪ", 0.3, 0.4), (",", 0.4, 0.5), (" ", 0.5, 0.6), ("n", 0.6, 0.7)]
    first, second = kokoro.spoken(["I", "no"], symbols)
    assert (first.start, first.end, second.start, second.end) == (0.1, 0.4, 0.6, 0.7)
    assert [phone.symbol for phone in first.phones] == ["h", "aI"]
    with pytest.raises(ValueError, match="2 words"):
        kokoro.spoken(["I", "say", "no"], symbols)


def test_families_speak_as_often_as_they_should(tmp_path: Path) -> None:
    families = {"kokoro": 90, "festival": 25, "espeak-ng": 200}
    voices = [Voice("train", f"{name}{n}", family=name) for name, count in families.items() for n in range(count)]
    said = {voices[0].name: [two_words()]}
    among = casts.pool(fill(tmp_path, [(voice, said.get(voice.name, [])) for voice in voices]))
    for name, share in casts.SHARES.items():
        assert sum(voices[one].family == name for one in among) / len(among) == pytest.approx(share, abs=0.06)
