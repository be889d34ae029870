"""Where the terms that a client searches for were said.

Deepgram searches the sound; here the words are searched, so a hit is what the model wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from server.protocols.deepgram.alternatives import JsonObject, bare
from server.protocols.deepgram.wording import Wording
from server.transcript.word_breaks import cut_words


def hits(terms: Sequence[str], words: Sequence[JsonObject], wording: Wording) -> list[JsonObject]:
    """An entry per term, which may be told in other words.

    Args:
        words: all of them, as an alternative has them, in order.
        wording: how they are told.
    """
    said = [str(word["word"]) for word in words]
    return [{"query": term, "hits": _hits(dict.fromkeys((term, wording.of_term(term))), said, words)} for term in terms]


def _hits(forms: Iterable[str], said: Sequence[str], words: Sequence[JsonObject]) -> list[JsonObject]:
    found: dict[int, JsonObject] = {}
    for form in forms:
        wanted = [bare(word) for _, word in cut_words(form)]
        length = len(wanted)
        for start in range(len(said) - length + 1 if length else 0):
            if said[start : start + length] == wanted:
                found[start] = _hit(words[start : start + length])
    return [found[start] for start in sorted(found)]


def _hit(words: Sequence[JsonObject]) -> JsonObject:
    confidences = [word["confidence"] for word in words]
    return {
        "confidence": round(fmean(number for number in confidences if isinstance(number, float)), 4),
        "start": words[0]["start"],
        "end": words[-1]["end"],
        "snippet": " ".join(str(word["word"]) for word in words),
    }
