"""Teach the tiny checkpoint to write by turns: `python -m model.tiny.recipe.streaming`.

The encoders stay as they are, and hear every window by itself. Beside the language model's linear maps low-rank ones
learn, and its embeddings, norms and head: that is what `model/tiny/streaming` holds. Recordings are made and heard
once, before training, which takes a core some minutes.
"""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm  # type: ignore[import-untyped]
from transformers import Qwen2Tokenizer, VibeVoiceAsrForConditionalGeneration

from model.family.vibevoice_asr_streaming.protocol import EXTRA, PROMPT, SPEAKER
from model.tiny.streaming.make import ADAPTER, GEOMETRY, RANK, adapted, tokenizer

from .batches import windowed
from .encoding import precision
from .examples import context, number_speakers
from .losses import hear
from .recordings import Recording, Style, compose
from .rooms import load
from .sounds import Background, Samples
from .speech.bank import Bank
from .speech.casts import pool
from .train import CHECKPOINT
from .vocabulary import WORDS
from .writing import FRAME, Part, pieces

_DIGIT, _LABEL, _WORD, _STRUCTURE = 8.0, 4.0, 2.0, 1.0


@dataclass
class Conversation:
    """One recording: the frames of its windows [windows, frames, hidden], and tokens and weights of each one's text."""

    prompt: list[int]
    sound: Tensor
    texts: list[list[int]]
    weights: list[list[float]]

    @property
    def length(self) -> int:
        """Positions."""
        windows, frames, _ = self.sound.shape
        return len(self.prompt) + windows * (frames + 3) + sum(map(len, self.texts))


def _window_of(start: float, end: float) -> int:
    """In which window a word is written: the one that hears most of it."""
    middle = (start + end) / 2 - GEOMETRY.lookahead * FRAME / 2
    return max(0, int(middle / (GEOMETRY.chunk * FRAME)))


class Scribe:
    """What is written of a recording, window by window."""

    def __init__(self) -> None:
        self._tokenizer: Qwen2Tokenizer = tokenizer()

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def prompt(self, text: str | None) -> list[int]:
        return self.encode(PROMPT.format(extra=EXTRA.format(context=text) if text else ""))

    def texts(
        self, recording: Recording, windows: int, spelling: dict[str, str]
    ) -> tuple[list[list[int]], list[list[float]]]:
        parts: list[list[Part]] = [[] for _ in range(windows)]
        numbers, last = number_speakers(recording.segments), -1
        for segment in recording.segments:
            for place, word in enumerate(segment.words):
                turn = parts[min(windows - 1, _window_of(word.start, word.end))]
                if numbers[segment.voice] != last:
                    last = numbers[segment.voice]
                    head, number, tail = SPEAKER.format(number=f"\t{last}\t").split("\t")
                    turn += [Part(head, _LABEL), Part(number, _DIGIT), Part(tail, _STRUCTURE)]
                said = spelling.get(WORDS[word.index], WORDS[word.index])
                turn.append(Part(f" {said}" if place else f" {said[:1].upper()}{said[1:]}", _WORD))
                if place == len(segment.words) - 1 and segment.complete:
                    turn.append(Part(".", _STRUCTURE))
        cut = [list(pieces(self._tokenizer, turn)) for turn in parts]
        return [[token for token, _, _ in turn] for turn in cut], [[part.weight for _, part, _ in turn] for turn in cut]


def _cold(samples: Samples) -> Tensor:
    """The windows of a recording, the last one filled up: [windows, samples]."""
    count = GEOMETRY.windows(len(samples))
    padded = torch.zeros((count - 1) * GEOMETRY.stride + GEOMETRY.window)
    padded[: len(samples)] = torch.from_numpy(samples)
    return padded.unfold(0, GEOMETRY.window, GEOMETRY.stride)


def _style(rng: random.Random) -> Style:
    speakers, seconds = rng.choice((1, 2, 2, 2, 3)), rng.choice((5.0, 10.0, 16.0, 24.0))
    return Style(speakers, seconds, long_gaps=0.03, snr=(16.0, 45.0), whole=0.3, rooms=0.3, microphones=0.4)


def conversations(
    model: VibeVoiceAsrForConditionalGeneration, words: Bank, rooms: list[list[Samples]], count: int, seed: int
) -> Iterator[Conversation]:
    """Recordings as the language model gets them, at some level: nothing brings it to another one."""
    rng, scribe, background = random.Random(seed), Scribe(), Background(seed, rooms)
    among = pool(words)
    for _ in range(count):
        recording = compose(words, among, _style(rng), background, rng)
        if rng.random() < 0.2:
            recording = windowed(recording, rng).recording
        text, spelling = context(recording.segments, rng)
        sound = _cold(recording.samples * 10 ** (rng.uniform(-6, 4) / 20))
        with torch.inference_mode(), precision(sound.device):
            frames, _ = hear(model, sound)
        tokens, weights = scribe.texts(recording, len(sound), spelling)
        yield Conversation(scribe.prompt(text), frames.to(torch.bfloat16), tokens, weights)


def batches(examples: list[Conversation], positions: int, rng: random.Random) -> Iterator[list[Conversation]]:
    """All of them once, those of about one length together, in batches of about so many positions."""
    groups: list[list[Conversation]] = [[]]
    for one in sorted(examples, key=lambda each: each.length + rng.uniform(0, 30)):
        if groups[-1] and (len(groups[-1]) + 1) * one.length > positions:
            groups.append([])
        groups[-1].append(one)
    rng.shuffle(groups)
    yield from groups


def loss_of(model: Any, examples: list[Conversation], ends: tuple[int, int, int]) -> tuple[Tensor, float]:
    """Of a batch, and the share of right tokens. ``ends``: around a window's frames, and behind its text."""
    embed, longest = model.get_input_embeddings(), max(one.length for one in examples)
    rows, labels, weights = [], [], []
    start, end, turn = ends
    for one in examples:
        ids, weight, frames = list(one.prompt), [0.0] * len(one.prompt), list[int]()
        for window, text in enumerate(one.texts):
            count = one.sound.shape[1]
            frames += range(len(ids) + 1, len(ids) + 1 + count)
            ids += [start, *[0] * count, end, *text, turn]
            weight += [*[0.0] * (count + 2), *one.weights[window], _STRUCTURE]
        row = embed(torch.tensor(ids)).clone()
        row = row.index_put((torch.tensor(frames),), one.sound.flatten(0, 1).to(row.dtype))
        rows.append(functional.pad(row, (0, 0, 0, longest - len(ids))))
        labels.append(ids + [0] * (longest - len(ids)))
        weights.append(weight + [0.0] * (longest - len(ids)))
    states = model.model.language_model(inputs_embeds=torch.stack(rows), use_cache=False).last_hidden_state
    target, weight_of = torch.tensor(labels)[:, 1:], torch.tensor(weights)[:, 1:]
    asked = weight_of > 0
    logits = model.lm_head(states[:, :-1][asked]).float()
    losses = functional.cross_entropy(logits, target[asked], reduction="none") * weight_of[asked]
    right = (logits.argmax(-1) == target[asked])[weight_of[asked] == _WORD]
    return losses.sum() / weight_of.sum(), right.float().mean().item()


def main() -> None:
    """Train, and write what was learned."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=12, help="over all recordings")
    parser.add_argument("--positions", type=int, default=4000, help="in a batch")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--bank", type=Path, default=Path(".cache/tiny"), help="where training made its bank")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny-streaming"), help="heard sound")
    parser.add_argument("--go-on", action="store_true", help="from what was learned before")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    words = Bank(options.bank / "training")
    model: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(CHECKPOINT, dtype=torch.float32)
    model.requires_grad_(False)
    heard = options.work / f"heard-{options.recordings}-{options.seed}.pt"
    if not heard.exists():
        options.work.mkdir(parents=True, exist_ok=True)
        made = conversations(model, words, load(options.bank / "rooms.npy"), options.recordings, options.seed)
        torch.save([vars(one) for one in tqdm(made, total=options.recordings, desc="hearing", unit="recording")], heard)
    examples = [Conversation(**one) for one in torch.load(heard, weights_only=True)]
    encode = Scribe().encode
    ends = (encode("<|object_ref_start|>")[0], encode("<|object_ref_end|>")[0], encode("<|text_chunk_end|>")[0])
    with torch.no_grad():
        for table in (model.get_input_embeddings().weight, model.lm_head.weight):
            table[ends[2]] = table[encode("<|im_end|>")[0]]
    learned = adapted(model, RANK)
    maps = [part for name, part in learned.items() if name.endswith((".down", ".up"))]
    others = [part for name, part in learned.items() if not name.endswith((".down", ".up"))]
    optimiser = torch.optim.AdamW(
        [{"params": maps, "share": 1.0}, {"params": others, "share": 0.3}], lr=0.0, betas=(0.9, 0.98), weight_decay=0.01
    )
    if options.go_on:
        with torch.no_grad():
            for name, value in load_file(ADAPTER).items():
                learned[name].copy_(value)
    average = {name: part.detach().clone() for name, part in learned.items()}
    rng = random.Random(options.seed)
    total = options.passes * len(list(batches(examples, options.positions, random.Random(0))))
    step = 0
    bar = tqdm(total=total, desc="training", unit="step", mininterval=10)
    for _ in range(options.passes):
        for batch in batches(examples, options.positions, rng):
            rate = options.rate * min(1.0, (step + 1) / 40) * max(0.02, 1 - step / total)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            with precision(torch.device("cpu")):
                loss, right = loss_of(model, batch, ends)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([*maps, *others], 1.0)
            optimiser.step()
            step += 1
            decay = min(0.98, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.values()), [part.detach() for part in learned.values()], 1 - decay)
            bar.set_postfix(loss=round(loss.item(), 3), words=round(right, 3), refresh=False)
            bar.update()
        save_file({name: part.to(torch.bfloat16) for name, part in average.items()}, ADAPTER)
    bar.close()


if __name__ == "__main__":
    main()
