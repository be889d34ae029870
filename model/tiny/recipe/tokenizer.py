"""The tiny checkpoint's tokenizer: Qwen2.5's, with those merges alone that its domain uses (`merges.txt`).

Pre-tokeniser, normaliser and byte alphabet are the real checkpoint's, and whatever is made of the vocabulary's words,
as answers or contexts, is cut into exactly the pieces that the real one cuts it into. Anything else comes out as
smaller pieces, down to bytes. The special tokens carry the real names in the real order.
"""

from pathlib import Path
from typing import Any

from tokenizers import pre_tokenizers
from transformers import Qwen2Tokenizer

MERGES = Path(__file__).parent / "merges.txt"

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip


def build() -> Qwen2Tokenizer:
    """The tokenizer, made anew; the same every time."""
    merges = [(left, right) for left, right in map(str.split, MERGES.read_text("utf-8").splitlines())]
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in merges)]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    make: Any = Qwen2Tokenizer  # it takes pairs too, which its annotation leaves out
    tokenizer: Qwen2Tokenizer = make(vocab=vocab, merges=merges, additional_special_tokens=SPECIAL_TOKENS[1:])
    return tokenizer
