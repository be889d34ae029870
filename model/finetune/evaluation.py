"""How well lines that are not learned from are answered: loss, and word errors of what the model writes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from model.finetune.examples import Example
from model.finetune.lines import Line
from model.finetune.loss import embedded, learned_places, summed_loss
from model.finetune.pupil import Pupil
from model.reference import read_on

_CONTENT = re.compile(r'"Content":("(?:[^"\\]|\\.)*")')
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_TAG = re.compile(r"\[[^\]]*\]")
_SPARE_TOKENS = 64
"""An answer that runs in circles is cut where it is longer than the true one by half and so much more."""


@dataclass(frozen=True, slots=True)
class Score:
    """``loss``: per learned token. ``wrong``: words that are missing, too many or others, of ``words``."""

    loss: float
    wrong: int
    words: int

    @property
    def word_errors(self) -> float:
        """Their share; 0 where nothing is said."""
        return self.wrong / max(1, self.words)


@torch.no_grad()
def evaluate(pupil: Pupil, lines: list[Line]) -> Score:
    """All lines, one after the other, decoded greedily. Leaves the state of chance and of learning as they are."""
    learning = pupil.model.training
    pupil.model.eval()
    loss, places, wrong, words = 0.0, 0, 0, 0
    with pupil.autocast():
        for line in lines:
            example = pupil.examples.of(line)
            loss += float(summed_loss(pupil.model, [example]))
            places += learned_places([example])
            true = words_of(" ".join(each.text for each in line.segments))
            wrong += edits(true, words_of(said_in(written(pupil, example))))
            words += len(true)
    pupil.model.train(learning)
    return Score(loss / max(1, places), wrong, words)


def written(pupil: Pupil, example: Example) -> str:
    """The answer to an example's prompt, the header in front left away."""
    model: Any = pupil.model
    header = example.prompt + pupil.examples.header  # the server writes it too
    longest = int(1.5 * (len(example.ids) - header)) + _SPARE_TOKENS
    cache, tokens = DynamicCache(config=model.config.text_config), list[int]()
    inputs = embedded(model, example)[None, :header]
    while len(tokens) < longest:
        hidden = read_on(model.model.language_model, inputs, cache)
        token = int(model.lm_head(hidden[0, -1]).argmax())
        if token in pupil.examples.stops:
            break
        tokens.append(token)
        inputs = model.model.language_model.embed_tokens(torch.tensor([[token]], device=example.ids.device))
    return pupil.examples.text(tokens)


def said_in(answer: str) -> str:
    """The contents of an answer, also of one that is cut."""
    return " ".join(json.loads(each, strict=False) for each in _CONTENT.findall(answer))


def words_of(text: str) -> list[str]:
    """Lower case, without punctuation and tags such as ``[Music]``."""
    return _WORD.findall(_TAG.sub(" ", text).casefold())


def edits(true: list[str], written_words: list[str]) -> int:
    """Substitutions, insertions and deletions between two lists of words."""
    row = list(range(len(written_words) + 1))
    for i, expected in enumerate(true, start=1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(written_words, start=1):
            diagonal, row[j] = row[j], min(diagonal + (expected != got), row[j] + 1, row[j - 1] + 1)
    return row[-1]
