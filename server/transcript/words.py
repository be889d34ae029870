"""Word timestamps, estimated: the model times segments, and words share their segment's time by their letters.

Where it is known when nobody says a word in a segment, words share what is between these pauses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.transcript.logprobs import seen
from server.transcript.pausing import shared_out, stretches
from server.transcript.segments import Segment
from server.transcript.word_breaks import characters, cut_words, letters

SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "۔", "।", "။", "។")
_CLOSING = "\"'”’»›)]}）」』】"
_TRAILING_OFF = ("...", "…")
_MANY = 300
"""Words in a segment from which on it would take long to find out which of them stand between which pauses."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its punctuation included, with its estimated time in seconds.

    ``lead``: what stands between the word before and this one: a space, or nothing where the script has none.
    ``logprob``: mean log-probability of its own tokens, of its segment's where its own are not known, if any.
    """

    word: str
    start: float
    end: float
    speaker: int | None
    lead: str = " "
    logprob: float | None = None

    @property
    def characters(self) -> list[Word]:
        """A word of a script without spaces character by character, back to back; any other word as it is."""
        texts = characters(self.word)
        spans = shares(texts, self.start, self.end)
        leads = [self.lead, *itertools.repeat("", len(texts) - 1)]
        return [
            Word(text, start, end, self.speaker, lead, self.logprob)
            for text, (start, end), lead in zip(texts, spans, leads, strict=True)
        ]


def ends_sentence(text: str) -> bool:
    """Whether ``text`` ends like a sentence that is whole: one that trails off in dots is not."""
    bare = text.rstrip().rstrip(_CLOSING)
    return bare.endswith(SENTENCE_ENDS) and not bare.endswith(_TRAILING_OFF)


def joined(words: Iterable[Word]) -> str:
    """Words as a text, without what stands before the first."""
    return "".join(word.lead * (place > 0) + word.word for place, word in enumerate(words))


def segment_words(segment: Segment) -> list[Word]:
    """The words of a segment in order, from its start to its end, each as long as its share of the letters.

    They stand back to back but for the segment's pauses.
    """
    cuts = cut_words(segment.text)
    texts = [word for _, word in cuts]
    spans = _placed(texts, segment)
    return [
        Word(word, start, end, segment.speaker, lead, logprob)
        for (lead, word), (start, end), logprob in zip(cuts, spans, word_logprobs(segment, texts), strict=True)
    ]


def word_logprobs(segment: Segment, words: Sequence[str], begin: int = 0) -> list[float | None]:
    """Of words of a segment that follow each other, as `Word` has them. ``begin``: characters seen in front of them."""
    known = segment.probabilities
    if known is None:
        return [segment.avg_logprob] * len(words)
    ends = itertools.accumulate(map(seen, words), initial=begin)
    own = (known.mean(first, last) for first, last in itertools.pairwise(ends))
    return [segment.avg_logprob if logprob is None else logprob for logprob in own]


def _placed(texts: Sequence[str], segment: Segment) -> list[tuple[float, float]]:
    spoken = stretches(segment.start, segment.end, segment.pauses)
    if len(spoken) == 1 or not 1 < len(texts) <= _MANY:
        return shares(texts, segment.start, segment.end)
    counts = shared_out([letters(text) for text in texts], spoken)
    ends = [0, *itertools.accumulate(counts)]
    return [
        span
        for (first, last), stretch in zip(itertools.pairwise(ends), spoken, strict=True)
        if last > first
        for span in shares(texts[first:last], *stretch)
    ]


def shares(texts: Sequence[str], start: float, end: float) -> list[tuple[float, float]]:
    """A span of time shared by texts that are said one after the other."""
    reached = [0, *itertools.accumulate(map(letters, texts))]
    times = [moment(start, end, reached, place) for place in range(len(reached))]
    return list(itertools.pairwise(times))


def moment(start: float, end: float, reached: Sequence[int], place: int) -> float:
    """When the first ``place`` texts of a span of time are said; ``reached``: the letters up to each text, and all."""
    if place == len(reached) - 1:
        return end  # and not a sum that may be off by a rounding
    return start + (end - start) * (reached[place] / reached[-1])
