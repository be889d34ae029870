"""A small byte-level BPE in the Qwen2 tokenizer class: one token per vocabulary word, bytes for anything else.

The special tokens carry the names, and the same order, of the real checkpoint's tokenizer.
"""

import json
from collections import Counter
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.pre_tokenizers import PreTokenizer
from transformers import Qwen2Tokenizer

from . import vocabulary

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip

# The JSON around the text. "},{" stays two tokens ('"}' and ',{"'), so that an answer cut behind a segment's brace and
# continued from there is written with the same tokens as one written in a single go.
_STRUCTURE = ['{"', '":', '":"', ',"', '"}', '."}', ',{"', '[{"', '":"[', ']"}']

# Words of the template and of the answer's keys that no blank goes before.
_BARE_WORDS = ["assistant", "system", "user", "Start", "End", "Speaker", "Content", "Silence", "Noise", "Music", "with"]

# Ordinary text for the contexts that are not vocabulary: names, instructions, notes.
_COMMON_TEXT = (
    "This is a seconds audio, with extra info: please transcribe it with these keys: Start time, End time, "
    "Speaker ID, Content. Please transcribe it. You are a helpful assistant that transcribes audio input into text "
    "output in JSON format. system user assistant Start End Speaker Content Silence Noise Music Context information "
    "a an of to for by as or are were will would can could about between customer call interview recording people "
    "speaking English names terms project product team report minutes agenda notes company Microsoft VibeVoice "
)


def _structure_merges() -> list[tuple[str, str]]:
    """Merges that make each entry of _STRUCTURE one token: a pair of characters or of earlier entries."""
    known: set[str] = set()
    merges = []
    for entry in _STRUCTURE:
        splits = [(entry[:cut], entry[cut:]) for cut in range(1, len(entry))]
        merges.append(next(pair for pair in splits if all(len(part) == 1 or part in known for part in pair)))
        known.add(entry)
    return merges


def _word_merges(splitter: PreTokenizer) -> list[tuple[str, str]]:
    """BPE merges, learned from the vocabulary itself, that end in one token for each form of each word."""
    forms = [*vocabulary.WORDS, *vocabulary.NAMES.values()]
    counts = Counter(word for form in forms for word in (f" {form}", form[0].upper() + form[1:]))
    corpus = [word for word in [*counts, *_BARE_WORDS] for _ in range(20)] + [_COMMON_TEXT] * 5
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = splitter
    learner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4000, min_frequency=5, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    learner.train_from_iterator([*corpus], trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(left, right) for left, right in merges]


def build() -> Qwen2Tokenizer:
    """The tokenizer, made anew; the same every time."""
    splitter = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    merges = [*_structure_merges()]
    merges += [pair for pair in _word_merges(splitter) if pair not in merges]
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in merges)]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    make: Any = Qwen2Tokenizer  # it takes pairs too, which its annotation leaves out
    tokenizer: Qwen2Tokenizer = make(vocab=vocab, merges=merges, additional_special_tokens=SPECIAL_TOKENS[1:])
    return tokenizer
