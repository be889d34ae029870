"""Token ids to text, piece by piece, for byte-level BPE vocabularies.

Every token is a fixed string of bytes, so an answer is decoded by joining bytes; nothing is ever decoded twice.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders

_LONGEST_PIECE = 256
"""Characters that a text is cut behind: there are languages without spaces."""


class Vocabulary:
    """The bytes of every token; loaded once and shared by all answers."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Raises ValueError for a tokenizer that is not byte-level."""
        if not isinstance(tokenizer.decoder, decoders.ByteLevel):
            raise ValueError("the tokenizer is not a byte-level BPE, which VibeVoice-ASR checkpoints use")
        self._tokenizer = tokenizer
        tokenizer.encode_special_tokens = True  # what callers write is plain text
        self._added = {
            token: b"" if added.special else added.content.encode()
            for token, added in tokenizer.get_added_tokens_decoder().items()
        }

    @classmethod
    def load(cls, checkpoint: Path) -> Vocabulary:
        """Read ``tokenizer.json`` of a checkpoint folder.

        Raises:
            FileNotFoundError: the folder has no such file.
            ValueError: the file is not a byte-level tokenizer.
        """
        path = checkpoint / "tokenizer.json"
        return cls(Tokenizer.from_str(path.read_text(encoding="utf-8")))

    def bytes_of(self, token: int) -> bytes:
        """The bytes a token stands for; none for special tokens and for ids beyond the vocabulary."""
        added = self._added.get(token)
        if added is not None:
            return added
        spelling = self._tokenizer.id_to_token(token)
        return bytes(_BYTES[character] for character in spelling) if spelling else b""

    def text(self, tokens: Iterable[int]) -> str:
        """What tokens stand for together."""
        return b"".join(map(self.bytes_of, tokens)).decode("utf-8", "replace")

    def ids(self, text: str) -> list[int]:
        """The tokens of ``text``, which is plain text."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def count(self, text: str) -> int:
        """Tokens of ``text``, which is plain text. It takes a microsecond or two for each, without Python's lock."""
        (encoded,) = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return len(encoded.ids)

    def last_piece(self, text: str) -> int:
        """Bytes of the last piece of ``text`` that tokens do not go beyond, a word or a row of marks: only what follows
        it may make that longer."""
        splitter = self._tokenizer.pre_tokenizer
        pieces = splitter.pre_tokenize_str(text[-_LONGEST_PIECE:]) if splitter is not None else []
        return len(pieces[-1][0]) if pieces else 0  # a character stands for each byte


class Detokenizer:
    """Reads one answer. Bytes of an unfinished character are held back until it is whole."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The text that has become certain with this token, possibly empty. Bytes that are no UTF-8 become U+FFFD."""
        return self._decoder.decode(self._vocabulary.bytes_of(token))

    @property
    def unfinished(self) -> bool:
        """A character is begun and not whole."""
        return bool(self._decoder.getstate()[0])


def _byte_alphabet() -> dict[str, int]:
    """The byte-level spelling: printable Latin-1 stands for itself, the other 68 bytes are moved to U+0100 and on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(moved)}


_BYTES = _byte_alphabet()
