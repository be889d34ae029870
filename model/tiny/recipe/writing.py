"""The answer as tokens: the whole text is cut at once, and each token knows where in the audio it comes from."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from transformers import Qwen2Tokenizer

from .network import HOP
from .recordings import Segment
from .speech.utterance import SAMPLE_RATE
from .vocabulary import WORDS

FRAME = HOP / SAMPLE_RATE
IGNORE = -100

BEFORE_AUDIO = (
    "<|im_start|>system\nYou are a helpful assistant that transcribes audio input into text output in JSON format."
    "<|im_end|>\n<|im_start|>user\n<|object_ref_start|>"
)
_HEADER = "<|im_start|>assistant\n"
_KEYS = "these keys: Start time, End time, Speaker ID, Content<|im_end|>\n"


def after_audio(seconds: float, context: str | None) -> str:
    """The prompt behind the audio, as the chat template renders it."""
    if context is None:
        return f"<|object_ref_end|>\nThis is a {seconds:.2f} seconds audio, please transcribe it with {_KEYS}"
    return (
        f"<|object_ref_end|>\nThis is a {seconds:.2f} seconds audio, with extra info: {context}\n\n"
        f"Please transcribe it with {_KEYS}"
    )


# What a token of the answer weighs in the loss, by kind. Structure is learned at once; words take longest.
STRUCTURE, CHOICE, DIGIT, CLOSE, END, CHANCE, WORD, SPEAKER = 0.6, 1.0, 1.0, 2.0, 2.5, 0.15, 3.0, 8.0
_END_TOLD = 10
"""So many frames behind the end of a segment may tell it: behind a pause only they know whether it is over."""
_CLOSING = 3
"""In so many frames behind its last word it is heard that a segment's text is over."""
_STUTTERS = 0.3
"""In so many of the texts some words are given once more, or more than once: what it takes to leave a loop."""


@dataclass(frozen=True)
class Part:
    """A stretch of the answer's text, with what its tokens have to know.

    Attributes:
        weight: of its tokens in the loss.
        lo, hi: in which frames they are heard, the last one excluded; -1 if in none.
        speaker, voice: at a speaker's number, that number and who it is in the bank.
        place: of a word among those of its segment.
    """

    text: str
    weight: float = STRUCTURE
    lo: int = -1
    hi: int = -1
    speaker: int = -1
    voice: int = IGNORE
    place: int = IGNORE


@dataclass
class Target:
    """Token ids of prompt tail and answer, and per token what `Part` has of it."""

    ids: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    lo: list[int] = field(default_factory=list)
    hi: list[int] = field(default_factory=list)
    speaker: list[int] = field(default_factory=list)
    voice: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)

    def add(self, ids: list[int], part: Part) -> None:
        for token in ids:
            self.ids.append(token)
            self.weight.append(part.weight)
            self.lo.append(part.lo)
            self.hi.append(part.hi)
            self.speaker.append(part.speaker)
            self.voice.append(part.voice)
            self.place.append(part.place)


def frames_of(start: float, end: float) -> tuple[int, int]:
    """Frames in which a word can be known: all but its first moments, and the one in which it ends."""
    first = int(start / FRAME + 0.8)
    return first, max(first + 1, int(end / FRAME) + 1)


def pieces(tokenizer: Any, parts: list[Part]) -> Iterator[tuple[int, Part, int]]:
    """The tokens of parts that are cut as one text: ids, whose each is, and the place behind it in the text.

    A token over the joins of parts is the heaviest part's.
    """
    owner = [part for part in parts for _ in part.text]
    text = "".join(part.text for part in parts)
    cut = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    for token, (start, end) in zip(cut["input_ids"], cut["offset_mapping"], strict=True):
        yield token, max(owner[start:end], key=lambda one: one.weight), end


class Writer:
    """Turns segments into the tokens of the answer, each with its source in the audio."""

    def __init__(self, tokenizer: Qwen2Tokenizer) -> None:
        self._tokenizer: Any = tokenizer  # whose offsets its annotations leave out
        self.before_audio = self.encode(BEFORE_AUDIO)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def answer(
        self,
        target: Target,
        segments: list[Segment],
        numbers: dict[int, int],
        spelling: dict[str, str],
        forced: int,
        rng: random.Random | None = None,
    ) -> None:
        """The whole answer, cut into tokens as one text.

        The first `forced` segments are given, as far as their tokens do not tell whether another one follows: up to the
        last one's closing brace. These tokens carry no loss. With `rng`, some of the others stutter; see `_stuttered`.
        """
        target.add(self.encode(_HEADER), Part("", 0.0 if forced else STRUCTURE))
        parts = [Part("[")]
        given = 0
        for position, segment in enumerate(segments):
            parts.append(Part(',{"' if position else '{"', CHOICE if position else STRUCTURE))
            parts += _segment(segment, numbers, spelling, position < forced, rng if position >= forced else None)
            if position < forced:
                given = sum(len(part.text) for part in parts) - len("}")
        parts.append(Part("]", CHOICE))
        self._cut(target, parts, given)
        target.add(self.encode("<|im_end|>\n<|endoftext|>"), Part(""))

    def _cut(self, target: Target, parts: list[Part], given: int) -> None:
        """Those within the first `given` characters weigh 0."""
        for token, part, end in pieces(self._tokenizer, parts):
            target.add([token], replace(part, weight=0.0) if end <= given else part)


def _number(value: float, short: bool, weight: float = DIGIT, told: int = 2) -> list[Part]:
    """The digits of a moment, which are heard from the frame before it up to the `told`th behind."""
    text = json.dumps(round(value, 2)) if short else f"{value:.2f}"
    at = int(value / FRAME)
    cut = text.index(".") + 2
    # The hundredths are chance: within a frame of 0.13 s nobody can know them.
    where = max(at - 1, 0), at + told
    return [Part(text[:cut], weight, *where), Part(text[cut:], CHANCE, *where)]


def _stuttered(words: list[Part], rng: random.Random) -> list[Part]:
    """Words, some of which come again behind themselves: given, not to be written, so what follows is learned."""
    end = len(words) if rng.random() < 0.5 else rng.randint(1, len(words))  # loops are mostly met at ends
    again = [
        replace(word, weight=0.0, lo=-1, hi=-1, place=IGNORE) for word in words[max(1, end - rng.randint(1, 3)) : end]
    ]
    return [*words[:end], *again * rng.randint(1, 5), *words[end:]]


def _segment(
    segment: Segment, numbers: dict[int, int], spelling: dict[str, str], short: bool, rng: random.Random | None
) -> list[Part]:
    """Everything from `Start` to the closing brace; `short` writes numbers as JSON libraries do (1.5, not 1.50)."""
    end = _number(segment.end, short, END, _END_TOLD)
    parts = [Part('Start":'), *_number(segment.start, short), Part(',"End":'), *end, Part(',"')]
    if segment.tag:
        lo, hi = int(segment.start / FRAME), int(segment.end / FRAME) + 1
        return [*parts, Part('Content":"['), Part(segment.tag.strip("[]"), WORD, lo, hi), Part(']"}')]
    number = numbers[segment.voice]
    lo, hi = frames_of(segment.start, segment.end)
    parts += [Part('Speaker":'), Part(str(number), SPEAKER, lo, hi, number, segment.voice), Part(',"Content":"')]
    words = []
    for position, word in enumerate(segment.words):
        text = spelling.get(WORDS[word.index], WORDS[word.index])
        text = text[:1].upper() + text[1:] if position == 0 else f" {text}"
        lo, hi = frames_of(word.start, word.end)
        words.append(Part(text, WORD, max(lo, hi - 2), hi, place=position))
    if rng is not None and words and rng.random() < _STUTTERS:
        words = _stuttered(words, rng)
    return [*parts, *words, Part('."}' if segment.complete else '"}', CLOSE, hi, hi + _CLOSING)]
