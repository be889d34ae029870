"""What the real model is known to do instead of answering, as text that goes on behind what is written already.

All of it was seen in the field: repetition of anything from one sign to whole segments with times that advance or
stand still, counting, empty tags, blanks, broken JSON, silence, jumps in time, speakers nobody is, a second array, the
context read aloud.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.support.script_writer import Entry, Pen


class Habit(StrEnum):
    """The first ones never end by themselves."""

    CHARACTERS = "characters"
    WORDS = "words"
    PHRASE = "phrase"
    COUNTING = "counting"
    BLANKS = "blanks"
    ADVANCING = "advancing"
    """The same segment over and over, at times that go on, and beyond the audio's end."""
    FROZEN = "frozen"
    """The same segment over and over, at the same time."""
    TURNS = "turns"
    """Two speakers' segments in turn, over and over."""
    TAGS = "tags"
    """Tags that take no time."""
    STRUCTURE = "structure"
    ENDLESS = "endless"
    """Words that never repeat, and never end."""
    SCRIPTS = "scripts"
    """The same, in letters from everywhere."""
    DRIFTING = "drifting"
    """Segments of such words, at a time that stands still."""
    KEYS = "keys"
    """A string that is no content and never closes."""
    LINE_NOISE = "line noise"
    """The same as blanks, outside of any segment."""

    BLANK = "blank"
    """The answer ends as if there were nothing more to hear."""
    BACKWARDS = "backwards"
    BEYOND = "beyond"
    """Behind the audio's end."""
    SPEAKER_17 = "speaker 17"
    SPEAKER_NA = "speaker by name"
    SPEAKER_MISSING = "speaker missing"
    CUT_WORD = "cut word"
    CUT_NUMBER = "cut number"
    SECOND_ARRAY = "second array"
    ECHO = "echo"
    """The context, as if somebody had said it."""
    APPLAUSE = "applause"
    """Tags in many shapes, some with a speaker."""


LOOPS = tuple(itertools.takewhile(lambda habit: habit is not Habit.BLANK, Habit))
FAULTS = tuple(habit for habit in Habit if habit not in LOOPS)


class Cure(StrEnum):
    """What makes the model do without."""

    TEMPERATURE = "temperature"
    """Any above 0."""
    HOTTER = "hotter"
    """Only from 0.4 on."""
    BEHIND = "behind"
    """Being asked again behind what stands, at any temperature."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Bad:
    """A habit, and what ends it."""

    habit: Habit
    cure: Cure = Cure.NEVER

    def persists(self, *, temperature: float, behind: bool) -> bool:
        """In an answer that is asked for like this."""
        match self.cure:
            case Cure.TEMPERATURE:
                return temperature == 0
            case Cure.HOTTER:
                return temperature < 0.4
            case Cure.BEHIND:
                return not behind
            case Cure.NEVER:
                return True


def command(habit: Habit, cure: Cure = Cure.NEVER, *, turn: int) -> str:
    """A context that makes the model have this habit at a turn; several may be joined."""
    return f"<{habit}/{cure}#{turn}>"


SLOWLY = "<slowly>"
"""In a context: the model takes some milliseconds for every step, so that there is time to do something meanwhile."""


def ordered(context: str | None, turns: int) -> dict[int, Bad]:
    """What a context commands, by turn; ``<random 17>`` is as much as chance makes of that."""
    found = re.findall(r"<([^<>/]+)/([^<>#]+)#(\d+)>", context or "")
    bad = {int(turn): Bad(Habit(habit), Cure(cure)) for habit, cure, turn in found}
    if drawn := re.search(r"<random (\d+)>", context or ""):
        rng = random.Random(int(drawn[1]))
        for turn in range(turns):
            if rng.random() < 0.4:
                bad.setdefault(turn, Bad(rng.choice(list(Habit)), rng.choice(list(Cure))))
    return bad


def indulge(habit: Habit, entry: Entry, pen: Pen, context: str | None, duration: float) -> Iterator[str]:
    """What is written in the place of ``entry``; without end where the habit has none. Raises EndOfAnswerError."""
    if habit in _CONTENTS:
        yield "" if pen.in_content else pen.opened(entry) + beginning(entry.text)
        yield from _CONTENTS[habit](entry)
    elif habit in LOOPS:
        yield from _segments(habit, entry, pen)
    else:
        yield from _fault(habit, entry, pen, context, duration)


class EndOfAnswerError(Exception):
    """Nothing follows, whether or not the answer is whole."""


def beginning(text: str) -> str:
    """As much of a turn as is said before a loop sets in within it; all of one without blanks."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)]) + " "


def _characters(_: Entry) -> Iterator[str]:
    return itertools.repeat("啊")


def _words(_: Entry) -> Iterator[str]:
    return itertools.repeat("malo, ")


def _phrase(_: Entry) -> Iterator[str]:
    return itertools.repeat("and then it goes round and round, ")


def _counting(_: Entry) -> Iterator[str]:
    return (f"{number}, " for number in itertools.count(1))


def _blanks(_: Entry) -> Iterator[str]:
    return itertools.repeat(" ")


def _scripts(entry: Entry) -> Iterator[str]:
    rng = random.Random(entry.text)
    letters = [chr(first + place) for first in (0x4E00, 0x3042, 0xAC00, 0x0430, 0x0627, 0x0E01) for place in range(20)]
    while True:
        yield "".join(rng.choices(letters, k=rng.randint(1, 6))) + rng.choice([" ", "", "，"])


def _endless(entry: Entry) -> Iterator[str]:
    rng = random.Random(entry.text)
    syllables = [first + second for first in "bdfgklmnprst" for second in ("a", "e", "i", "o", "u", "an", "er")]
    while True:
        yield "".join(rng.choices(syllables, k=rng.randint(1, 4))) + rng.choice([" ", " ", " ", ", ", ". "])


_CONTENTS = {
    Habit.CHARACTERS: _characters,
    Habit.WORDS: _words,
    Habit.PHRASE: _phrase,
    Habit.COUNTING: _counting,
    Habit.BLANKS: _blanks,
    Habit.ENDLESS: _endless,
    Habit.SCRIPTS: _scripts,
}


def _segments(habit: Habit, entry: Entry, pen: Pen) -> Iterator[str]:
    start, end = entry.start, entry.end
    words = _endless(entry)
    for copy in itertools.count():
        match habit:
            case Habit.DRIFTING:
                text = "".join(itertools.islice(words, 12)).strip()
                yield pen.segment(Entry(start, start + 0.5, entry.speaker, text))
            case Habit.KEYS:
                yield next(words) if copy else pen.comma() + '{"Notes":"'
            case Habit.ADVANCING:
                yield pen.segment(Entry(start + copy, start + copy + 1, entry.speaker, "Thank you for watching."))
            case Habit.FROZEN:
                yield pen.segment(Entry(start, end, entry.speaker, "Thank you for watching."))
            case Habit.TURNS:
                text = ("What do you mean?", "I mean what I say.")[copy % 2]
                yield pen.segment(Entry(start + 0.3 * copy, start + 0.3 * (copy + 1), copy % 2, text))
            case Habit.TAGS:
                yield pen.segment(Entry(end, end, None, "[Environmental Sounds]"))
            case Habit.STRUCTURE:
                yield pen.comma() + "{}"
            case _:
                yield "\n" if copy else pen.comma() + "\n"


def _fault(habit: Habit, entry: Entry, pen: Pen, context: str | None, duration: float) -> Iterator[str]:
    start, end = entry.start, entry.end
    match habit:
        case Habit.BLANK:
            yield pen.closed()
            raise EndOfAnswerError
        case Habit.BACKWARDS:
            yield pen.segment(Entry(start, max(0.0, start - 3), entry.speaker, entry.text))
        case Habit.BEYOND:
            yield pen.segment(Entry(duration + 1000, duration + 1002, entry.speaker, entry.text))
        case Habit.SPEAKER_17:
            yield pen.segment(Entry(start, end, 17, entry.text))
        case Habit.SPEAKER_NA:
            yield pen.segment(Entry(start, end, "N/A", entry.text))
        case Habit.SPEAKER_MISSING:
            yield pen.segment(Entry(start, end, None, entry.text))
        case Habit.CUT_WORD:
            yield pen.opened(entry) + entry.text[: len(entry.text) // 2]
            raise EndOfAnswerError
        case Habit.CUT_NUMBER:
            yield pen.comma() + f'{{"Start":{entry.start:.1f}'
            raise EndOfAnswerError
        case Habit.SECOND_ARRAY:
            yield pen.another_array()
            yield pen.segment(entry)
        case Habit.ECHO:
            yield pen.segment(Entry(start, end, entry.speaker, context or ""))
        case _:
            yield pen.segment(Entry(start, start + 0.2, None, "[Applause]"))
            yield pen.segment(Entry(start + 0.2, start + 0.4, entry.speaker, "[Music]"))
            yield pen.segment(Entry(start + 0.4, start + 0.6, "N/A", "[Human Sounds]"))
            yield pen.segment(Entry(start + 0.6, end, entry.speaker, entry.text))
