"""Loops of all kinds: letters, words, sentences, segments, tags, numbers, blanks, brackets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from bench.loops.writing import Writer

_OPEN_STRUCTURE = ('{"Start":', '"Content":"",', "},{", "]", '\\"', '{"Start":0,"End":0,', '"Speaker":0,', ":", "[[")


def _inside(w: Writer, copies: Sequence[str], *, haste: float) -> None:
    """A loop in a content, whose segment claims the time of its first words, or so much for all of it."""
    begin = w.sentence() + " " if w.rng.random() < 0.5 else ""
    told = begin + "".join(copies)
    w.open(w.clock, w.clock + max(w.natural(told) / haste, 0.3))
    w.text += json.dumps(begin, ensure_ascii=False)[1:-1]
    w.clock += max(w.natural(told) / haste, 0.3)
    w.mark("onset")
    for place, copy in enumerate(copies):
        if place == 4:
            w.mark("fifth")
        w.text += json.dumps(copy, ensure_ascii=False)[1:-1]
    if w.rng.random() < 0.3:
        w.mark("end")
        w.text += '"}'
        w.talk(8)
        w.text += "]"


def _haste(w: Writer) -> float:
    return w.rng.choice([0.3, 0.8, 1.5, 3, 8, 20])


def _copies(w: Writer, unit: str, fewest: int) -> list[str]:
    return [unit] * w.rng.randint(fewest, 4 * fewest)


def word(w: Writer) -> None:
    """A word or name."""
    unit = w.rng.choice([*w.language["filler"][:2], *w.language["names"]]) + w.rng.choice([" ", ", ", "", ". "])
    _inside(w, _copies(w, unit, 28), haste=_haste(w))


def phrase(w: Writer) -> None:
    """Some words."""
    unit = w.rng.choice(w.language["filler"][2:]) + w.rng.choice([" ", ", ", "。", ". "])
    _inside(w, _copies(w, unit, 20), haste=_haste(w))


def sentence(w: Writer) -> None:
    """A sentence."""
    _inside(w, _copies(w, w.rng.choice(w.language["text"]) + w.language["stop"], 14), haste=_haste(w))


def paragraph(w: Writer) -> None:
    """Several sentences."""
    unit = "".join(text + w.language["stop"] for text in w.rng.sample(w.language["text"], w.rng.randint(2, 5)))
    _inside(w, _copies(w, unit, 10), haste=_haste(w))


def letter(w: Writer) -> None:
    """A letter, a mark, a digit, a blank."""
    unit = w.rng.choice(["a", "啊", "哈", "ん", "ㅋ", "0", "9", "ก", "!", ".", "-", "…", "\n", " ", "- ", "\n\n", "♪ "])
    _inside(w, _copies(w, unit, 40), haste=_haste(w))


def counted(w: Writer) -> None:
    """Numbers, faster than anybody counts."""
    first, unit = w.rng.randint(1, 40), w.rng.choice(["{}, ", "{} ", w.language["names"][0] + " {}. "])
    copies = [unit.format(first + place) for place in range(w.rng.randint(90, 250))]
    _inside(w, copies, haste=w.rng.choice([1.5, 3, 8, 20]))


def varied(w: Writer) -> None:
    """A sentence with another end each time."""
    unit = w.rng.choice(w.language["text"])
    copies = [f"{unit} {w.rng.choice(w.language['names'])}{w.language['stop']}" for _ in range(w.rng.randint(20, 60))]
    _inside(w, copies, haste=_haste(w))


def _over_segments(
    w: Writer, contents: Iterator[str], unit: int, copies: int, times: Callable[[], tuple[float, float]]
) -> None:
    w.mark("onset")
    speaker = w.rng.choice([0, 1, None, "N/A"])
    for place in range(unit * copies):
        if place == 4 * unit:
            w.mark("fifth")
        w.segment(next(contents), *times(), speaker)
    if w.rng.random() < 0.2:
        w.mark("end")
        w.talk(8)
        w.text += "]"


def _forever(unit: Sequence[str]) -> Iterator[str]:
    while True:
        yield from unit


def _unit(w: Writer) -> list[str]:
    size = w.rng.choice([1, 1, 1, 1, 2, 4, 8])
    texts = w.rng.sample(w.language["text"], size)
    return [w.rng.choice([text + w.language["end"], w.rng.choice(w.language["short"])]) for text in texts]


def frozen(w: Writer) -> None:
    """Segments at the same time."""
    start, length = w.clock, w.rng.choice([0, 0.5, 1.5, 30])
    unit = _unit(w)
    _over_segments(w, _forever(unit), len(unit), w.rng.randint(8, 30), lambda: (start, start + length))


def advancing(w: Writer) -> None:
    """Segments of the same length without a gap."""
    unit, copies = _unit(w), w.rng.randint(9, 40)
    even = w.rng.choice([0.5, 1, 1.5, 2, 5, 10, 30])
    _over_segments(w, _forever(unit), len(unit), copies, lambda: _advance(w, even))


def racing(w: Writer) -> None:
    """Segments too short for anything."""
    unit, copies = _unit(w), w.rng.randint(12, 60)
    _over_segments(w, _forever(unit), len(unit), copies, lambda: _advance(w, w.rng.uniform(0, 0.12)))


def at_ease(w: Writer) -> None:
    """At a speed at which people speak: what nothing but their number tells from a drill."""
    unit = w.rng.choice(w.language["text"])
    _over_segments(w, _forever([unit]), 1, w.rng.randint(26, 60), lambda: _advance(w, w.natural(unit)))


def numbered(w: Writer) -> None:
    """Segments that count."""
    contents = (f"{w.language['names'][0]} {number}." for number in range(1, 10_000))
    even = w.rng.choice([0, 0.05, 1, 5])
    _over_segments(w, contents, 1, w.rng.randint(25, 90), lambda: _advance(w, even))


def alike(w: Writer) -> None:
    """Segments with another end each time."""
    text = w.rng.choice(w.language["text"])
    contents = (f"{text} {w.rng.choice(w.language['names'])}" for _ in range(10_000))
    even = w.rng.choice([0, 0.1, 0.4, 1, 30])
    _over_segments(w, contents, 1, w.rng.randint(14, 50), lambda: _advance(w, even))


def tags(w: Writer) -> None:
    """Sounds, or nothing at all."""
    tag = w.rng.choice(["[Silence]", "[Noise]", "[Music]", "[Unintelligible Speech]", "", " "])
    even = w.rng.choice([0, 0.01, 0.1, 0.5, 2])
    _over_segments(w, _forever([tag]), 1, w.rng.randint(14, 60), lambda: _advance(w, even))


def _advance(w: Writer, length: float) -> tuple[float, float]:
    start = w.clock
    w.clock = start + length
    return start, w.clock


def structure(w: Writer) -> None:
    """Brackets, keys, blanks, digits of a time."""
    unit = w.rng.choice([*_OPEN_STRUCTURE, "\n", " ", "\t", "0"])
    if unit == "0":
        w.text += f'{"," if w.text[-1] == "}" else ""}{{"Start":{w.clock:.1f}'
    w.mark("onset")
    copies = w.rng.randint(70, 120) if len(unit) == 1 else w.rng.randint(30, 80)
    for place in range(copies):
        if place == 4:
            w.mark("fifth")
        w.text += unit


def ramble(w: Writer) -> None:
    """Words that do not come back, and more of them than anybody can say; the fifth copy is where that is so."""
    end = w.clock + w.rng.choice([0, 1, 3, 8])
    w.open(w.clock, end)
    w.mark("onset")
    letters = sorted({letter for text in w.language["text"] for letter in text if letter.isalpha()})
    said = 0.0
    for _ in range(w.rng.randint(150, 400)):
        text = "".join(w.rng.choices(letters, k=w.rng.randint(2, 7))) + " "
        said += len(text) / (2 * w.language["pace"])
        if said > end - w.clock and w.marks["fifth"] is None:
            w.mark("fifth")
        w.text += text
    w.clock = end


LOOPING: tuple[Callable[[Writer], None], ...] = (
    *(
        word,
        word,
        word,
        phrase,
        phrase,
        sentence,
        sentence,
        paragraph,
        letter,
        counted,
        varied,
        frozen,
        advancing,
        racing,
        at_ease,
    ),
    *(numbered, alike, tags, structure, ramble),
)
