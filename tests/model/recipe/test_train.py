"""What training begins with, keeps in a snapshot, and learns from."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.tiny.recipe.recordings import Style, compose
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank, fill
from model.tiny.recipe.speech.espeak import training_voices
from model.tiny.recipe.speech.utterance import SAMPLE_RATE, Spoken, Utterance
from model.tiny.recipe.train import start
from model.tiny.recipe.vocabulary import WORDS, brief


@pytest.fixture(scope="module")
def hummers(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """Two voices that hum each word for 0.2 s."""
    hum = np.tile(np.repeat(np.array([0.3, -0.3], np.float32), 60), 40)  # 200 Hz
    words = [Utterance(hum, (Spoken(word, 0.0, 0.2),)) for word in WORDS]
    return fill(tmp_path_factory.mktemp("bank"), [(voice, words) for voice in training_voices(2, seed=1)])


def test_each_weight_is_trained_by_one_optimiser_and_a_run_goes_on_where_it_was_kept(
    hummers: Bank, tmp_path: Path
) -> None:
    run, other = start(hummers, seed=1), start(hummers, seed=2)
    groups = [group["params"] for each in run.optimisers for group in each.param_groups]
    trained = [id(each) for group in groups for each in group]
    weights = {id(p) for module in (run.model, run.heads) for p in module.parameters() if p.requires_grad}
    assert len(trained) == len({*trained})
    assert {*trained} == weights
    torch.stack([p.square().sum() for group in groups for p in group]).sum().backward()  # type: ignore[no-untyped-call]
    for each in run.optimisers:
        for group in each.param_groups:
            group["lr"] = 1e-3
        each.step()
    run.step = 7
    run.save(tmp_path / "snapshot.pt")
    other.load(tmp_path / "snapshot.pt")
    assert other.step == 7
    assert all(map(torch.equal, run.model.parameters(), other.model.parameters()))
    for one, kept in zip(run.optimisers, other.optimisers, strict=True):
        assert one.state
        moments = (
            pair
            for mine, theirs in zip(one.state.values(), kept.state.values(), strict=True)
            for pair in zip(mine.values(), theirs.values(), strict=True)
        )
        assert all(torch.equal(*pair) for pair in moments)


def test_a_run_goes_on_from_a_checkpoint(hummers: Bank, tmp_path: Path) -> None:
    run, other = start(hummers, seed=1), start(hummers, seed=2)
    trained = [id(parameter) for parameter in other.model.parameters()]
    run.publish(tmp_path)
    other.begin(tmp_path, 7)
    assert other.step == 7
    assert [id(parameter) for parameter in other.model.parameters()] == trained  # those that the optimisers have
    for kept, goes_on, average in zip(run.average, other.model.parameters(), other.average, strict=True):
        assert torch.equal(goes_on, kept.bfloat16().float())
        assert torch.equal(average, goes_on)
        assert average.data_ptr() != goes_on.data_ptr()


@pytest.mark.parametrize(
    ("way", "shortest", "longest", "edge"),
    [({"shifts": 0.25}, 0.17, 0.23, 0.002), ({"pace": (0.5, 1.25)}, 0.17, 0.38, 0.04)],
    ids=["throats", "pace"],
)
def test_who_takes_longer_has_its_words_where_they_sound(
    hummers: Bank, way: dict[str, Any], shortest: float, longest: float, edge: float
) -> None:
    lengths, around = set(), round(edge * SAMPLE_RATE)
    for seed in range(12):
        style = Style(1, 0.5, long_gaps=0.0, snr=(90, 90), **way)
        made = compose(hummers, [0, 1], style, Background(0), random.Random(seed), says=brief)
        loud = np.abs(made.samples) > 0.005
        for segment in made.segments:
            for word in segment.words:
                first, last = (round(moment * SAMPLE_RATE) for moment in (word.start, word.end))
                assert loud[first + around : last - around].mean() > 0.8
                lengths.add(round(word.end - word.start, 3))
        silent = np.ones(len(loud), bool)
        for segment in made.segments:
            first, last = (round(moment * SAMPLE_RATE) for moment in (segment.start, segment.end))
            silent[max(0, first - around) : last + around] = False
        assert not loud[silent].any()
    assert min(lengths) == pytest.approx(shortest, abs=0.03)
    assert max(lengths) == pytest.approx(longest, abs=0.03)
