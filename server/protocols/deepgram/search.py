"""Where the terms that a client searches for were said.

Deepgram searches the sound; here the words are searched, so a hit is what the model wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from server.protocols.deepgram.alternatives import JsonObject, bare
from server.transcript.word_breaks import cut_words


def hits(terms: Sequence[str], words: Sequence[JsonObject]) -> list[JsonObject]:
    """An entry per term. ``words``: all of them, as an alternative has them, in order."""
    said = [str(word["word"]) for word in words]
    return [{"query": term, "hits": _hits(term, said, words)} for term in terms]


def _hits(term: str, said: Sequence[str], words: Sequence[JsonObject]) -> list[JsonObject]:
    wanted = [bare(word) for _, word in cut_words(term)]
    length = len(wanted)
    starts = (start for start in range(len(said) - length + 1) if said[start : start + length] == wanted)
    return [_hit(words[start : start + length]) for start in starts] if length else []


def _hit(words: Sequence[JsonObject]) -> JsonObject:
    confidences = [word["confidence"] for word in words]
    return {
        "confidence": round(fmean(number for number in confidences if isinstance(number, float)), 4),
        "start": words[0]["start"],
        "end": words[-1]["end"],
        "snippet": " ".join(str(word["word"]) for word in words),
    }
