"""What training begins with, keeps in a snapshot, and learns from."""

import json
import random
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from model.tiny.recipe import batches, train
from model.tiny.recipe import tokenizer as tokenizers
from model.tiny.recipe.average import merge
from model.tiny.recipe.batches import Stream, collate
from model.tiny.recipe.examples import example
from model.tiny.recipe.recordings import Style, compose, nobody
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank, fill
from model.tiny.recipe.speech.espeak import training_voices
from model.tiny.recipe.speech.utterance import SAMPLE_RATE, Spoken, Utterance
from model.tiny.recipe.train import Phase, learning_rate, start, train_step
from model.tiny.recipe.vocabulary import LONGEST, WORDS, brief, repeating, sentence
from model.tiny.recipe.windows import Window, stretch
from model.tiny.recipe.writing import FRAME, IGNORE, WORD, Writer
from tests.support.elsewhere import DEVICE, Elsewhere

_CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with a bank of six voices that hum each word for 0.2 s."""
    hum = np.tile(np.repeat(np.array([0.3, -0.3], np.float32), 60), 40)  # 200 Hz
    words = [Utterance(hum, (Spoken(word, 0.0, 0.2),)) for word in WORDS]
    folder = tmp_path_factory.mktemp("work")
    fill(folder / "training", [(voice, words) for voice in training_voices(6, seed=1)])
    return folder


@pytest.fixture(scope="module")
def hummers(work: Path) -> Bank:
    return Bank(work / "training")


def test_each_weight_is_trained_by_one_optimiser_and_a_run_goes_on_where_it_was_kept(
    hummers: Bank, tmp_path: Path
) -> None:
    run, other = start(hummers, 1, _CPU), start(hummers, 2, _CPU)
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
    run.step, run.begun = 7, 3
    run.save(tmp_path / "snapshot.pt")
    other.load(tmp_path / "snapshot.pt")
    assert (other.step, other.begun) == (7, 3)
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
    run, other = start(hummers, 1, _CPU), start(hummers, 2, _CPU)
    trained = [id(parameter) for parameter in other.model.parameters()]
    run.publish(tmp_path)
    other.begin(tmp_path, 7)
    assert other.step == other.begun == 7
    assert not any(helper.any() for helper in other.heads.parameters())
    assert [id(parameter) for parameter in other.model.parameters()] == trained  # those that the optimisers have
    for kept, goes_on, average in zip(run.average, other.model.parameters(), other.average, strict=True):
        assert torch.equal(goes_on, kept.bfloat16().float())
        assert torch.equal(average, goes_on)
        assert average.data_ptr() != goes_on.data_ptr()


def test_checkpoints_are_averaged_by_their_shares(hummers: Bank, tmp_path: Path) -> None:
    early, late, mean = (tmp_path / name for name in ("early", "late", "mean"))
    start(hummers, 1, _CPU).publish(early)
    start(hummers, 2, _CPU).publish(late)
    merge({early: 0.25, late: 0.75}, mean)
    assert sorted(path.name for path in mean.iterdir()) == sorted(path.name for path in early.iterdir())
    assert (mean / "config.json").read_bytes() == (early / "config.json").read_bytes()
    first, second, shipped = (load_file(folder / "model.safetensors") for folder in (early, late, mean))
    for name, weight in shipped.items():
        assert torch.equal(weight, (0.25 * first[name].float() + 0.75 * second[name].float()).bfloat16())
    with pytest.raises(ValueError, match=r"add up to 1\.25"):
        merge({early: 0.5, late: 0.75}, mean)


def test_the_rate_declines_from_where_a_run_begins() -> None:
    whole = [learning_rate(step, begun=0, steps=1000, sound_steps=100, peak=1.0) for step in range(100, 1000)]
    more = [learning_rate(step, begun=500, steps=1000, sound_steps=100, peak=1.0) for step in range(500, 1000)]
    assert more[0] < whole[400] / 100  # it warms up, as its helpers know nothing
    for rates, warm in ((whole, 60), (more, 200)):
        declining = rates[warm:]
        assert declining == sorted(declining, reverse=True)
        assert declining[0] == pytest.approx(0.8 * len(declining) / len(rates))
        assert declining[-1] == pytest.approx(0.016)


def test_a_frame_learns_where_the_latest_segment_started(hummers: Bank) -> None:
    writer, rng = Writer(tokenizers.build()), random.Random(3)
    talk = compose(hummers, [0, 1, 2], Style(3, 12.0), Background(0), rng)
    starts = [int(segment.start / FRAME) for segment in talk.segments]
    assert len(starts) > 2
    lesson = example(Window(talk), writer, rng)
    for frame, began in enumerate(lesson.began):
        assert began == max((start for start in starts if start <= frame), default=IGNORE)


def test_where_nobody_speaks_the_answer_is_one_tag_or_nothing() -> None:
    tokenizer, rng, background = tokenizers.build(), random.Random(4), Background(0)
    writer, answers = Writer(tokenizer), set()
    for _ in range(20):
        heard = nobody(Style(), background, rng)
        lesson = example(Window(heard), writer, rng)
        text = str(tokenizer.decode(lesson.target.ids, skip_special_tokens=True))
        answer = json.loads(text[text.rindex("assistant") + len("assistant") :])
        answers.add("".join(entry["Content"] for entry in answer))
        assert (heard.seconds >= 3.3) == bool(answer)
        assert all((entry["Start"], entry["End"]) == (0, round(heard.seconds, 2)) for entry in answer)
        assert lesson.speaker.max() == 0
    assert answers == {"", "[Noise]", "[Music]"}


@pytest.mark.filterwarnings("ignore:.*to a meta parameter")  # as the other device is called
def test_a_run_goes_on_alike_on_another_device(hummers: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing on the CPU, which a GPU would refuse."""
    monkeypatch.setattr(torch.optim, "AdamW", partial(_adamw, torch.optim.AdamW))
    monkeypatch.setattr(train, "precision", lambda device: nullcontext())  # the CPU may multiply in bf16, DEVICE not
    writer, rng = Writer(tokenizers.build()), random.Random(1)
    talk = compose(hummers, [0, 1], Style(2, 3.0), Background(0), rng)
    lesson = example(stretch(talk, rng), writer, rng)
    batch = collate([lesson, lesson], writer, writer.encode("<|box_start|>")[0])
    before = start(hummers, 1, _CPU)
    train_step(before, batch, len(writer.before_audio), Phase.HEARING)
    before.save(tmp_path / "snapshot.pt")
    shown, runs = [], []
    for device in (_CPU, DEVICE):
        with Elsewhere() if device == DEVICE else nullcontext():  # type: ignore[no-untyped-call]
            run = start(hummers, 2, device)
            run.load(tmp_path / "snapshot.pt")
            for group in (group for each in run.optimisers for group in each.param_groups):
                group["lr"] = 1e-3
            shown += [train_step(run, batch.to(device), len(writer.before_audio), phase) for phase in Phase]
            runs.append([each.detach().to("cpu") for each in (*run.model.parameters(), *run.average)])
    assert shown[:3] == [pytest.approx(each, abs=1e-4, nan_ok=True) for each in shown[3:]]
    for one, other in zip(*runs, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def _adamw(adamw: type[torch.optim.AdamW], groups: Any, **options: Any) -> torch.optim.AdamW:
    """The optimiser without its kernel for devices that PyTorch has a name for."""
    return adamw(groups, **options | {"fused": False})


def test_processes_beside_each_other_make_different_recordings(work: Path) -> None:
    stream = Stream(work, seed=1, start=0, frames=20, longer=100)
    first, second = islice(DataLoader(stream, batch_size=None, num_workers=2), 2)
    assert not torch.equal(first.ids, second.ids)


def test_in_some_recordings_nobody_speaks(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for share, somebody in ((0.0, True), (1.0, False)):
        monkeypatch.setattr(batches, "_NOBODY", share)
        first = next(iter(Stream(work, seed=1, start=0, frames=20, longer=100)))
        assert bool((first.speaker > 0).any()) == somebody


@pytest.mark.parametrize(
    ("way", "shortest", "longest", "edge"),
    [({"shifts": 0.25}, 0.17, 0.23, 0.002), ({"pace": (0.5, 1.25)}, 0.17, 0.38, 0.04)],
    ids=["throats", "pace"],
)
def test_who_takes_longer_has_its_words_where_they_sound(
    hummers: Bank, way: dict[str, Any], shortest: float, longest: float, edge: float
) -> None:
    lengths, around, background = set(), round(edge * SAMPLE_RATE), Background(0)
    for seed in range(12):
        style = Style(1, 0.5, long_gaps=0.0, snr=(90, 90), **way)
        made = compose(hummers, [0, 1], style, background, random.Random(seed), says=brief)
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


def test_in_a_conversation_words_come_again() -> None:
    rng, again, twice, few = random.Random(1), 0, 0, 0
    for _ in range(100):
        says = repeating(sentence)
        said = [says(rng, False) for _ in range(20)]
        assert max(map(len, said)) <= LONGEST
        long = [" ".join(words) for words in said if len(words) > 3]
        again += len(long) - len({*long})
        many = [words for words in said if len({*words}) > 3]
        twice += sum(
            any(words[at : at + 2] == words[at + 2 : at + 4] for at in range(len(words) - 3)) for words in many
        )
        few += sum(len(words) > 5 and len({*words}) < 4 for words in said)
    assert again > 30
    assert twice > 50
    assert few > 50


def test_a_few_words_are_misread_and_all_are_to_be_written(hummers: Bank) -> None:
    writer, rng, background = Writer(tokenizers.build()), random.Random(5), Background(0)
    talks = [compose(hummers, [0, 1], Style(2, 8.0), background, rng) for _ in range(60)]
    lessons = [example(Window(talk), writer, rng) for talk in talks]
    misread = words = 0
    for lesson in lessons:
        target = lesson.target
        said = {token for token, kind in zip(target.ids, target.weight, strict=True) if kind == WORD}
        for read, token, kind in zip(lesson.read, target.ids, target.weight, strict=True):
            words += kind == WORD
            misread += read != token
            assert read == token or (kind == WORD and read in said)
    assert 0.02 < misread / words < 0.06
    lesson = next(one for one in lessons if one.read != one.target.ids)
    batch = collate([lesson], writer, writer.encode("<|box_start|>")[0])
    behind = len(writer.before_audio) + lesson.frames
    for ids, answer in ((batch.ids, lesson.target.ids), (batch.read, lesson.read)):
        assert ids[0, behind : behind + len(answer)].tolist() == answer
