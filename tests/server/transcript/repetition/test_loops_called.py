"""Answers in circles are called, in every script and whatever is repeated; people who repeat themselves are not."""

from __future__ import annotations

import random

import pytest

from server.transcript.repetition import LoopKind
from tests.server.transcript.repetition.written import answer, find, in_a_row, segment
from tests.support.speaking_runner import random_words

WORDS = " ".join(random_words(400))
BIDS = " ".join(f"{bid} now, who gives me {bid + 10}?" for bid in range(205, 900, 10))
SIGNS = "".join(map(chr, random.Random(4).choices(range(0x4E00, 0x9000), k=1_000)))
TALK = segment("We moved the meeting to Thursday, as nobody had read the report.", 0, 5)


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("malo, ", LoopKind.WORDS),
        ("thank you for watching. ", LoopKind.WORDS),
        ("The ferry leaves from the other pier, and the printer is out of paper again. ", LoopKind.WORDS),
        ("谢谢大家", LoopKind.WORDS),
        ("はい、", LoopKind.WORDS),
        ("ขอบคุณครับ", LoopKind.WORDS),
        ("धन्यवाद ", LoopKind.WORDS),
        ("شكرا ", LoopKind.WORDS),
        ("네 네, ", LoopKind.WORDS),
        ("哈", LoopKind.CHARACTERS),
        ("- ", LoopKind.CHARACTERS),
        ("\n", LoopKind.BLANKS),
        ("3.", LoopKind.DIGITS),
    ],
)
@pytest.mark.parametrize("begun", ["", "Nobody has seen the others yet. "])
def test_what_is_repeated_in_a_content_is_called_and_kept_a_few_times(unit: str, kind: LoopKind, begun: str) -> None:
    text = answer(TALK, segment(begun + unit * 60, 5, 12))
    onset = text.index(begun + unit[:1].replace("\n", "\\n"), len(TALK) + 40) + len(begun)
    loop = find(text)
    assert loop is not None
    assert loop.kind is kind
    assert onset <= loop.keep < loop.at
    assert loop.keep - onset <= 2.5 * len(unit) + 20


@pytest.mark.parametrize(
    ("text", "kind", "certain"),
    [
        (in_a_row(["Okay."] * 9, length=0.05), LoopKind.SEGMENTS, True),
        (answer(*[segment("Okay then.", 5, 6)] * 9), LoopKind.TIMES, True),
        (in_a_row(["Okay."] * 9, length=2), LoopKind.SEGMENTS, False),
        (in_a_row(["We moved it.", "No, we did not."] * 9, length=2), LoopKind.SEGMENTS, False),
        (in_a_row(["It rains again."] * 30, length=1, uneven=0.6), LoopKind.SEGMENTS, False),
        (in_a_row([f"Chapter {number}." for number in range(40)], length=0.1), LoopKind.SEGMENTS, True),
        (
            in_a_row([f"The report of {name} is here." for name in "ABCDEFGHIJKLMNOP"], length=0.2),
            LoopKind.SEGMENTS,
            True,
        ),
        (in_a_row(["no " * (1 + place % 4) for place in range(30)], length=0.1), LoopKind.SEGMENTS, True),
        (in_a_row(["[Noise]"] * 12, length=0.01), LoopKind.TAGS, True),
        (in_a_row([""] * 12, length=0.5), LoopKind.TAGS, False),
        (answer(TALK) + ',{"Start":5.' + "0" * 80, LoopKind.DIGITS, True),
        (answer(TALK, *(segment(WORDS[at : at + 60], 5, 5.5) for at in range(0, 900, 60))), LoopKind.RAMBLING, True),
        (answer(TALK, *(segment(WORDS[at : at + 9], 5, 5.5) for at in range(0, 900, 9))), LoopKind.RAMBLING, True),
        (answer(TALK) + ',{"Notes":"' + WORDS[:900], LoopKind.RAMBLING, True),
        (answer(TALK) + ',{"Start":' * 40, LoopKind.STRUCTURE, True),
        (answer(TALK) + ",{}" * 40, LoopKind.STRUCTURE, True),
        (answer(TALK) + "\n" * 80, LoopKind.BLANKS, True),
    ],
)
def test_segments_times_and_brackets_in_circles_are_called_at_a_boundary(
    text: str, kind: LoopKind, certain: bool
) -> None:
    loop = find(text)
    assert loop is not None
    assert (loop.kind, loop.certain) == (kind, certain)
    assert text[: loop.keep].endswith("}")


@pytest.mark.parametrize(("text", "most"), [(WORDS, 350), (SIGNS, 140), (WORDS.upper(), 350)])
def test_more_than_anybody_can_say_is_called_though_nothing_comes_back(text: str, most: int) -> None:
    raw = answer(TALK, segment(text[:900], 5, 6))
    begin = raw.index(text[:20])
    loop = find(raw)
    assert loop is not None
    assert (loop.kind, loop.certain) == (LoopKind.RAMBLING, True)
    assert begin < loop.keep < loop.at < begin + most
    assert find(answer(TALK, segment(text[:900], 5, 600))) is None, "there is time for it"
    assert find(answer(TALK, segment(text[:900], 5, 600)), seconds=6) is not None, "and none behind the audio's end"


@pytest.mark.parametrize(("text", "pace"), [(WORDS, 25), (WORDS, 35), (SIGNS, 10), (SIGNS, 14), (BIDS, 14)])
@pytest.mark.parametrize("length", [20, 70, 400])
def test_the_fastest_talkers_are_not_called(text: str, pace: float, length: int) -> None:
    """Minutes of it, also where the times of segments are wrong by a second."""
    clock, segments = 0.0, list[str]()
    for at in range(0, len(text), length):
        seconds = len(text[at : at + length]) / pace
        segments.append(segment(text[at : at + length], clock + (len(segments) % 3) * 0.5, clock + seconds))
        clock += seconds
    assert find(answer(*segments)) is None


def test_after_words_in_a_heap_talk_is_heard_again() -> None:
    """What was written too fast once does not make a loop of what follows at its own speed."""
    heap = [segment(WORDS[at : at + 40], 5, 5.2) for at in range(0, 240, 40)]
    talk = [segment(WORDS[at : at + 60], 6 + at / 15, 6 + (at + 60) / 15) for at in range(240, 1200, 60)]
    assert find(answer(TALK, *heap, *talk)) is None


def test_segments_behind_the_end_of_the_audio_are_called_whatever_they_say() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    text = in_a_row([f"{word} more of {word[::-1]}" for word in words], length=3)
    assert find(text, seconds=5) is not None
    assert find(text) is None


@pytest.mark.parametrize(
    "text",
    [
        answer(segment("no no no no no no no no, I said no", 0, 3)),
        answer(segment("la, " * 13 + "la", 0, 7)),
        answer(segment("and one and two, " * 12, 0, 24)),
        answer(segment(", ".join(map(str, range(1, 51))), 0, 40)),
        answer(segment("ha " * 12, 0, 3)),
        answer(segment("对对对对对对对，就是就是。", 0, 2)),
        answer(segment("慢慢慢慢地走，哈哈哈哈哈哈。", 0, 4)),
        answer(segment("うんうんうんうん、なるほどなるほど。", 0, 4)),
        answer(segment("It was 1,000,000,000,000 or 1000000000000.", 0, 3)),
        answer(segment("77777 5555 000 000", 0, 6)),
        in_a_row(["five six seven eight,"] * 15, length=1.7, gap=0.1, uneven=0.4),
        in_a_row(["Go team!"] * 12, length=0.8, gap=0.2, uneven=0.6),
        in_a_row(["Hail to the morning.", "Hail to the night."] * 10, length=1.6, gap=0.1, uneven=0.5),
        in_a_row(["Yeah."] * 6, length=0.3, gap=0.4, uneven=0.3),
        in_a_row([f"{number}." for number in range(60)], length=0.5, gap=0.2, uneven=0.3),
        in_a_row([f"Lot {number}: {name}." for number, name in enumerate("ABCDEFGHIJKLMN")], length=1, uneven=0.4),
        in_a_row(["[Silence]", "[Noise]", "[Music]"] * 20, length=1, uneven=15),
        in_a_row([f"{10 - number}" for number in range(11)], length=1),
        "People said many things, and none of them was of use to anybody. " * 4,
        "",
    ],
)
def test_people_who_repeat_themselves_are_not_called(text: str) -> None:
    assert find(text) is None


def test_time_tells_a_loop_from_a_song() -> None:
    """Twenty words in half a second are a loop, twenty in twenty seconds may be a song."""
    assert find(answer(segment("hey now, " * 16, 0, 12))) is None
    loop = find(answer(segment("hey now, " * 16, 0, 0.5)))
    assert loop is not None
    assert loop.certain


@pytest.mark.parametrize(
    "begun",
    [
        'assistant\n[{"Start":0,"End":20,"Speaker":0,"Content":"',
        '[{"Start time":"0.0","End time":"00:20","Speaker ID":"1","Content":"',
        '[{"Content":"',
        '[\n  {\n    "Start": 0,\n    "End": 20,\n    "Content": "he said "yes" and "no", and ',
        "This is what was said in the recording, as far as it can be heard at all: ",
    ],
)
def test_answers_in_other_shapes_are_read(begun: str) -> None:
    loop = find(begun + "and so on and so on, " * 40)
    assert loop is not None
    assert loop.keep >= len(begun) > 0


def test_escapes_are_what_they_stand_for() -> None:
    raw = '[{"Start":0,"End":9,"Content":"' + r"\u4f60\u597d" * 40
    assert find(raw) is not None


def test_two_attempts_that_say_the_same_have_the_same_unit() -> None:
    units = set()
    for before in ("", "well, ", "we all say that we "):
        loop = find(answer(segment(before + "thank you very much. " * 40, 0, 20)))
        assert loop is not None
        units.add(loop.unit)
    assert len(units) == 1
