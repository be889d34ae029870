"""Hypotheses in units, as they are compared: words, and in scripts without spaces characters.

A hypothesis says mostly what the one before said. So what that one had is taken over from it: the cut of a text that
is the same, of a text that goes on differently the words in front, and of every word its parts.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import regex

from server.transcript.logprobs import TokenLogprob, seen
from server.transcript.probabilities import Probabilities
from server.transcript.segments import Segment
from server.transcript.word_breaks import characters, cut_words, letters
from server.transcript.words import Word, moment, shares, word_logprobs

_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}")
"""Joiners, direction marks, variation selectors."""
_UNHEARD = regex.compile(rf"[^\p{{L}}\p{{N}}\p{{M}}\p{{S}}]|{_UNSEEN.pattern}")
"""Not vowel signs and other marks of letters: they make another word."""


def plain(word: str) -> str:
    """A word without case, punctuation and what is not seen; pure punctuation stays."""
    heard = _UNHEARD.sub("", word) or _UNSEEN.sub("", word) or word
    return unicodedata.normalize("NFC", heard.casefold())


def alike(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items both begin with."""
    pairs = zip(one, other, strict=False)
    return next((count for count, (item, beside) in enumerate(pairs) if item != beside), min(len(one), len(other)))


@dataclass(frozen=True, slots=True)
class Parts:
    """A word and its units.

    Attributes:
        units: their texts; together the word.
        keys: by which units are the same: neither case nor punctuation counts.
        letters: how long the word takes to say.
    """

    word: str
    units: tuple[str, ...]
    keys: tuple[str, ...]
    letters: int

    @classmethod
    def of(cls, word: str) -> Parts:
        units = characters(word)
        return cls(word, tuple(units), tuple(map(plain, units)), letters(word))


class TextUnits:
    """The text of one segment. ``words``: what stands before each, and its parts."""

    def __init__(self, chunks: list[str], words: list[tuple[str, Parts]]) -> None:
        self.chunks = chunks  # what stands between spaces
        self.words = words
        self.keys = list(chain.from_iterable(parts.keys for _, parts in words))
        self._begins = [0, *accumulate(len(parts.units) for _, parts in words)]  # of words, in units
        self._reached = [0, *accumulate(parts.letters for _, parts in words)]

    def word_begin(self, unit: int) -> int:
        """The first unit of the word that ``unit`` is of."""
        return self._begins[bisect_right(self._begins, unit) - 1]

    def text(self, first: int, last: int) -> str:
        """The units from ``first`` to before ``last``, without what stands before the first."""
        return "".join(chain.from_iterable(self._pieces(first, last)))[len(self.lead(first)) :]

    def lead(self, unit: int) -> str:
        """What stands before a unit."""
        word = bisect_right(self._begins, unit) - 1
        return self.words[word][0] if self._begins[word] == unit else ""

    def seen(self, unit: int) -> int:
        """How many characters are seen before a unit."""
        return sum(seen(word) for _, word in self._pieces(0, unit))

    def timed(self, segment: Segment, first: int, last: int) -> list[Word]:
        """The units from ``first`` to before ``last`` as words of ``segment``: as long as their share of the letters.

        The first word lacks the units before ``first``, the last one those behind.
        """
        words: list[Word] = []
        pieces = list(self._pieces(first, last))
        logprobs = word_logprobs(segment, [text for _, text in pieces], self.seen(first))
        for place, (lead, text) in enumerate(pieces, bisect_right(self._begins, first) - 1):
            parts, begin = self.words[place][1], self._begins[place]
            start = moment(segment.start, segment.end, self._reached, place)
            end = moment(segment.start, segment.end, self._reached, place + 1)
            if len(text) < len(parts.word):
                spans = shares(parts.units, start, end)
                start, end = spans[max(first - begin, 0)][0], spans[min(last - begin, len(spans)) - 1][1]
            words.append(Word(text, start, end, segment.speaker, lead, logprobs[len(words)]))
        return words

    def _pieces(self, first: int, last: int) -> Iterator[tuple[str, str]]:
        """Lead and text of words, the first and the last perhaps in part."""
        place = bisect_right(self._begins, first) - 1
        while (begin := self._begins[place]) < last:
            lead, parts = self.words[place]
            place += 1
            if first <= begin and self._begins[place] <= last:
                yield lead, parts.word
            else:
                skipped = max(first - begin, 0)
                yield lead if not skipped else "", "".join(parts.units[skipped : last - begin])

    def kept(self, count: int) -> tuple[int, int]:
        """What stays of the cut of a text that begins with the same ``count`` chunks: so many words and chunks.

        All in front of a word that begins a chunk and is whole: one more begins a chunk behind it, not later than where
        the texts part. Marks at the end of what is alike might belong to the word in front or to the one behind.
        """
        seams, chunk = [(0, 0)], 0
        for number, (lead, parts) in enumerate(self.words):
            if lead == " ":
                chunk += 1
                if chunk > count:
                    break
                seams.append((number, chunk))
            chunk += parts.word.count(" ")
        return seams[max(len(seams) - 2, 0)]


class Units:
    """A hypothesis: the units of all its segments in order."""

    def __init__(self, segments: Sequence[Segment], texts: Sequence[TextUnits]) -> None:
        self.segments = segments
        self._texts = texts
        self._begins = [0, *accumulate(len(text.keys) for text in texts)]
        self.keys = list(chain.from_iterable(text.keys for text in texts))
        """By which units are found again."""

    def __len__(self) -> int:
        return self._begins[-1]

    def segment(self, unit: int) -> int:
        """Which segment a unit is of."""
        return bisect_right(self._begins, unit) - 1

    def spoken(self, first: int) -> list[tuple[str, int | None]]:
        """What has to be the same for two hypotheses to agree, of the units from ``first`` on: keys and speakers."""
        return [
            (key, self.segments[number].speaker)
            for number, begin, end in self.runs(first, len(self))
            for key in self.keys[begin:end]
        ]

    def word_begin(self, unit: int) -> int:
        """The first unit of the word that ``unit`` is of."""
        number = self.segment(unit)
        return self._begins[number] + self._texts[number].word_begin(unit - self._begins[number])

    def runs(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """The units from ``first`` to before ``last`` segment by segment: number, first and last."""
        while first < last:
            number = self.segment(first)
            end = min(last, self._begins[number + 1])
            yield number, first, end
            first = end

    def run(self, first: int, last: int) -> tuple[str, str]:
        """What stands before units of one segment, and their text."""
        text, begin = self._text(first)
        return text.lead(first - begin), text.text(first - begin, last - begin)

    def logprobs(self, first: int, last: int) -> tuple[TokenLogprob, ...]:
        """Those of the tokens that carry units of one segment, as far as they are known."""
        text, begin = self._text(first)
        known = self.segments[self.segment(first)].logprobs
        return () if known is None else known.between(text.seen(first - begin), text.seen(last - begin))

    def probabilities(self, first: int, last: int) -> Probabilities | None:
        """Of the tokens that say units of one segment, as far as they are known."""
        text, begin = self._text(first)
        known = self.segments[self.segment(first)].probabilities
        return known and known.part(text.seen(first - begin), text.seen(last - begin))

    def timed(self, first: int, last: int) -> list[Word]:
        """Units of one segment as words."""
        text, begin = self._text(first)
        return text.timed(self.segments[self.segment(first)], first - begin, last - begin)

    def _text(self, unit: int) -> tuple[TextUnits, int]:
        number = self.segment(unit)
        return self._texts[number], self._begins[number]


class Cutter:
    """Cuts the hypotheses of a session that follow each other. Remembers the last one."""

    def __init__(self) -> None:
        self._texts: dict[str, TextUnits] = {}
        self._parts: dict[str, Parts] = {}

    def units(self, hypothesis: Sequence[Segment]) -> Units:
        """The hypothesis in units."""
        texts: dict[str, TextUnits] = {}
        for text in (segment.text for segment in hypothesis):
            if text not in texts:
                texts[text] = self._texts.get(text) or self._cut(text)
        self._texts = texts
        self._parts = {parts.word: parts for cut in texts.values() for _, parts in cut.words}
        return Units(hypothesis, [texts[segment.text] for segment in hypothesis])

    def _cut(self, text: str) -> TextUnits:
        chunks = text.split()
        words, chunk = self._known(chunks)
        for place, (lead, word) in enumerate(cut_words(" ".join(chunks[chunk:]))):
            words.append((" " if chunk and not place else lead, self._parts.get(word) or Parts.of(word)))
        return TextUnits(chunks, words)

    def _known(self, chunks: list[str]) -> tuple[list[tuple[str, Parts]], int]:
        """The first words of a text of which the last hypothesis had a beginning, and how many chunks they take."""
        same, before = max(
            ((alike(chunks, text.chunks), text) for text in self._texts.values()), key=_first, default=(0, None)
        )
        if before is None:
            return [], 0
        count, chunk = before.kept(same)
        return before.words[:count], chunk


def _first(pair: tuple[int, object]) -> int:
    return pair[0]
