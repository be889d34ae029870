"""What is measured: who is put together, and which words of people count as right."""

import json
import random
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from model.tiny.recipe.evaluate import Clip, clips, left_wordless, load, nobodys, three_alike, words_right
from model.tiny.recipe.people import HumanClip
from model.tiny.recipe.scoring import words_of
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank, fill
from model.tiny.recipe.speech.espeak import training_voices
from model.tiny.recipe.speech.utterance import Spoken, Utterance
from model.tiny.recipe.speech.voices import Voice
from model.tiny.recipe.train import CHECKPOINT
from model.tiny.recipe.vocabulary import WORDS


def test_three_alike_are_near_in_pitch_and_three() -> None:
    hertz = {"Ada": 100.0, "Ben": 102.0, "Cleo": 110.0, "Dora": 180.0, "Eve": 250.0}
    voices = [Voice("new", f"en+{name}") for name in hertz] + [Voice("new", "en-us+Ben")]  # who is no fourth person
    pitch = dict(enumerate([*hertz.values(), 102.5]))
    found = {
        chosen[0].timbre: [voice.timbre for voice in chosen[1:]]
        for seed in range(60)
        for chosen in [[voices[index] for index in three_alike(voices, pitch, random.Random(seed))]]
    }
    assert found == {
        "Ada": ["Ben", "Cleo"],
        "Ben": ["Ada", "Cleo"],
        "Cleo": ["Ben", "Ada"],
        "Dora": ["Eve", "Cleo"],
        "Eve": ["Dora", "Cleo"],
    }


def test_words_that_people_said_count_for_each_speaker() -> None:
    sample = CHECKPOINT.parent / "samples" / "short.flac"
    turns = json.loads(sample.with_suffix(".json").read_text())
    said = [word for turn in turns for word in words_of(turn["Content"])]
    clips = [HumanClip(sample, (*more, *said), name, "samples") for name, more in (("Ada", ()), ("Ben", ("zero",)))]
    assert words_right(*load(CHECKPOINT), clips) == {
        "Ada": (len(said), len(said)),
        "Ben": (len(said), len(said) + 1),
    }


def test_where_nobody_speaks_no_word_is_right_and_a_tag_where_it_lasts() -> None:
    talk = soundfile.read(CHECKPOINT.parent / "samples" / "short.flac", dtype="float32")[0]
    tag = {"Start": 0.0, "End": 4.0, "Content": "[Silence]"}
    nothing = np.zeros(96_000, np.float32)
    clips = [Clip(nothing, [tag]), Clip(nothing, []), Clip(talk, [tag]), Clip(talk, [])]
    assert [left_wordless(*load(CHECKPOINT), [clip]) for clip in clips] == [1, 0, 0, 0]
    drawn = list(nobodys(12, Background(seed=2)))
    assert {len(clip.reference) for clip in drawn} == {0, 1}


def test_recordings_are_the_same_every_time_and_others_in_another_draw(tmp_path: Path) -> None:
    hum = [Utterance(np.full(4800, 0.3, np.float32), (Spoken(word, 0.0, 0.2),)) for word in WORDS]
    fill(tmp_path, [(voice, hum) for voice in training_voices(3, seed=1)])
    bank = Bank(tmp_path)

    def drawn(draw: str) -> list[Clip]:
        return list(clips(bank, bank.voices[0].group, "brief", 3, Background(seed=2), draw))

    first, again, others = drawn("one"), drawn("one"), drawn("two")
    for clip, same in zip(first, again, strict=True):
        assert clip.reference == same.reference
        np.testing.assert_array_equal(clip.samples, same.samples)
    assert not [clip for clip in others if clip.reference in [one.reference for one in first]]
