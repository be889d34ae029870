"""The first request to a server that says it is ready, with a vocabulary as large as the released checkpoint's."""

from __future__ import annotations

import json
import shutil
from functools import partial
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.overhead.line import ROUNDS, Line
from bench.overhead.speaker import TINY
from bench.overhead.watch import longest_block
from bench.support import clips as material
from bench.support import service
from bench.support.report import Goal

PIECES = 150_000
"""Of Qwen2.5's vocabulary, about."""
BLOCK_MS = 50.0


def lines() -> list[Line]:
    """The line about the vocabulary."""
    upload = service.form(service.encoded(material.ragged_clips(1)[0], "FLAC"))
    with TemporaryDirectory() as folder:
        checkpoint = large_vocabulary(Path(folder))
        first, second = min(_blocks(checkpoint, upload) for _ in range(ROUNDS))
    return [
        Line(
            f"the first and the second request to a new server, {PIECES} pieces in its vocabulary",
            f"{first:.0f} and {second:.0f} ms in one go",
            [Goal("first-request-blocks-the-loop-for-ms", first, BLOCK_MS, at_least=False)],
        )
    ]


def _blocks(checkpoint: Path, upload: bytes) -> tuple[float, float]:
    """The longest blocks of the first and the second request, in milliseconds."""
    with service.running_server(
        module="bench.overhead.server", environment={"BENCH_CHECKPOINT": str(checkpoint)}
    ) as server:
        ask = partial(service.transcribe, server.base, [upload], concurrency=1)
        first, second = (1000 * longest_block(server.base, ask) for _ in range(2))
    return first, second


def large_vocabulary(folder: Path) -> Path:
    """The bundled checkpoint's tokenizer with so many pieces more that nothing is made of."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / name, folder / name)
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    known = list(vocabulary)
    number = 1 + max(*vocabulary.values(), *(token["id"] for token in tokenizer["added_tokens"]))
    pairs = ((one, other) for one, other in product(known, known) if one + other not in vocabulary)
    for one, other in islice(pairs, PIECES):
        vocabulary[one + other] = number
        merges.append([one, other])
        number += 1
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder
