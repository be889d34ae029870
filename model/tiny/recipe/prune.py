"""Choose the tiny tokenizer's merges among Qwen2.5's: `python -m model.tiny.recipe.prune` writes merges.txt.

A merge is kept if it takes place while any piece of the domain's text is cut. Merges are done in order of their ranks,
so leaving out those that never take place changes nothing about the others: the cuts stay the same, to the token.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from string import ascii_lowercase

from transformers import Qwen2Tokenizer

from model.family.vibevoice_asr_streaming import protocol as by_turns

from .ranks import vocabulary_and_merges
from .tokenizer import MERGES
from .vocabulary import NAMES, TAGS, WORDS
from .writing import BEFORE_AUDIO, after_audio

# What stands between numbers, words and tags in answers: of one segment, several, and none.
_STRUCTURE = (
    '[{"Start":0,"End":1.5,"Speaker":0,"Content":"No."},{"Start":1,"End":2,"Speaker":1,"Content":"No"},{"Start":2.5,'
    '"End":9.5,"Content":"[Noise]"},{"Start":9,"End":10,"Content":"[Music]"}]',
    '[{"Start":0,"End":4,"Content":"[Silence]"},{"Start":5,"End":6,"Speaker":1,"Content":"No."}]',
    '[{"Start":0,"End":1,"Speaker":0,"Content":"No"}]', "[]", "assistant\n", '{"', '},{"', "user\n", "\n\n",
)  # fmt: skip

# Ordinary text of contexts that is not vocabulary.
_COMMON_TEXT = (
    "Please transcribe it. Context information: a an of to for by as or are were will would can could about between "
    "customer call interview recording people speaking English names terms project product team report minutes agenda "
    "notes company Microsoft VibeVoice; speakers: Anna, Bob"
)


def forms(word: str) -> Iterator[str]:
    """The ways in which a word is written: as the vocabulary has it or with a capital, alone or behind a blank."""
    for form in (word, word[:1].upper() + word[1:]):
        yield from (form, f" {form}")


def _domain() -> Iterator[str]:
    for word in (*WORDS, *NAMES.values()):
        yield from forms(word)
    yield from _STRUCTURE
    yield from TAGS
    yield _COMMON_TEXT
    yield from ascii_lowercase
    yield BEFORE_AUDIO
    yield after_audio(1.25, "No, no\nNo")
    yield after_audio(1.25, None)
    yield by_turns.PROMPT.format(extra=by_turns.EXTRA.format(context="No, no"))
    yield by_turns.SPEAKER.format(number=1) + " No"


def merges_of(texts: Iterable[str]) -> list[tuple[str, str]]:
    """The merges of Qwen2.5 that take place in `texts`, first learned first."""
    _, merges = vocabulary_and_merges()
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    splitter = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    used: set[tuple[str, str]] = set()
    for text in texts:
        for piece, _ in splitter.pre_tokenize_str(text):
            used.update(_taken(piece, ranks))
    return sorted(used, key=ranks.__getitem__)


def _taken(piece: str, ranks: dict[tuple[str, str], int]) -> Iterator[tuple[str, str]]:
    """The merges, one after the other, by which a piece of a text is put together from its bytes."""
    parts = list(piece)
    while known := [(ranks[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in ranks]:
        _, place = min(known)
        yield parts[place], parts[place + 1]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


def listing() -> str:
    """What merges.txt holds."""
    return "".join(f"{left} {right}\n" for left, right in merges_of(_domain()))


def main() -> None:
    """Write merges.txt."""
    MERGES.write_text(listing(), "utf-8")


if __name__ == "__main__":
    main()
