"""Text as tokens of a checkpoint, and back, also from the middle of a character. Needs no Transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from server.transcript.detokenizer import Vocabulary


class Speller:
    """Of one checkpoint's vocabulary."""

    def __init__(self, checkpoint: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
        self._vocabulary = Vocabulary(self._tokenizer)

    def spelled(self, tokens: Sequence[int]) -> tuple[str, bytes]:
        """What tokens say, and what is left over of a character that they end within."""
        whole = b"".join(map(self._vocabulary.bytes_of, tokens))
        text = whole.decode(errors="ignore")
        return text, whole[len(text.encode()) :]

    def tokens(self, text: str, *, torn: bytes = b"") -> list[int]:
        """Of ``text``, of whose first character these bytes are given already; of all of it, where they are not."""
        first = text[:1].encode()
        if torn and first.startswith(torn):
            rest = [self._byte_tokens[byte] for byte in first[len(torn) :]]
            return rest + self.tokens(text[1:])
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    @property
    def _byte_tokens(self) -> dict[int, int]:
        """The tokens of single bytes."""
        spelled = ((token, self._vocabulary.bytes_of(token)) for token in range(256))
        return {piece[0]: token for token, piece in spelled if len(piece) == 1}
