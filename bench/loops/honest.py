"""Speech that repeats and is no loop: songs, drills, prayers, counting, meetings full of "yeah"."""

from __future__ import annotations

from collections.abc import Callable

from bench.loops.writing import Writer


def ordinary(w: Writer) -> None:
    """Talk."""
    w.talk(60)


def hasty(w: Writer) -> None:
    """Talk at the speed of an auctioneer."""
    for _ in range(w.rng.randint(3, 20)):
        text = w.sentence()
        w.say(text, seconds=len(text) / (w.language["pace"] * w.rng.uniform(1.2, 1.5)))


def meeting(w: Writer) -> None:
    """Backchannels of several people, inside of what others say."""
    for _ in range(w.rng.randint(4, 20)):
        w.say(w.sentence(), speaker=0)
        start = w.clock - w.rng.uniform(0, 3)
        word = w.rng.choice(w.language["short"])
        for _ in range(w.rng.randint(0, 6)):
            start = max(start, 0) + w.rng.uniform(0.3, 2)
            if w.rng.random() < 0.3:
                word = w.rng.choice(w.language["short"])
            w.segment(word, start, start + w.rng.uniform(0.2, 0.8), w.rng.randint(1, 4))
            w.clock = max(w.clock, start + 0.8)


def song(w: Writer) -> None:
    """Verses, a refrain, la la la."""
    refrain = [w.rng.choice(w.language["text"]) for _ in range(w.rng.randint(1, 3))]
    for _ in range(w.rng.randint(3, 6)):
        for line in w.rng.sample(w.language["text"], 4):
            w.say(line, speaker=0, seconds=w.natural(line, haste=0.7))
        for line in refrain * w.rng.randint(1, 3):
            w.say(line, speaker=0, seconds=w.natural(line, haste=0.7))
        la = ", ".join([w.rng.choice(["la", "na", "oh", "hey"])] * w.rng.randint(4, 14))
        w.say(la, speaker=0, seconds=len(la) / w.rng.uniform(6, 14))


def drill(w: Writer) -> None:
    """Steps counted aloud, in one segment or many."""
    unit, count = w.language["drill"], w.rng.randint(8, 16)
    if w.rng.random() < 0.5:
        w.say(" ".join([unit] * count), seconds=count * w.rng.uniform(1.4, 2.6))
        return
    for _ in range(count):
        w.say(unit, speaker=0, seconds=w.rng.uniform(1.4, 2.6), gap=w.rng.uniform(0, 0.3))


def prayer(w: Writer) -> None:
    """Requests and the same answer to each."""
    for text in (w.rng.choice(w.language["text"]) for _ in range(w.rng.randint(6, 14))):
        w.say(text, speaker=0)
        w.say(w.language["prayer"], speaker=1)


def rosary(w: Writer) -> None:
    """Two prayers in turn."""
    pair = w.rng.sample(w.language["text"], 2)
    for _ in range(w.rng.randint(8, 12)):
        for text in pair:
            w.say(text + w.language["end"])


def chant(w: Writer) -> None:
    """A crowd shouts a word."""
    word = w.rng.choice([w.rng.choice(w.language["names"]) + "!", w.language["short"][0]])
    for _ in range(w.rng.randint(4, 12)):
        w.say(word, seconds=w.rng.uniform(0.7, 1.6), gap=w.rng.uniform(0, 0.6))


def counting(w: Writer) -> None:
    """Numbers up and down, in one segment or many."""
    first, step = w.rng.choice([(1, 1), (10, -1), (5, 5), (1, 1), (100, -1)]), w.rng.randint(10, 60)
    numbers = [str(first[0] + first[1] * place) for place in range(step)]
    numbers = [n for n in numbers if not n.startswith("-")]
    if w.rng.random() < 0.5:
        text = ", ".join(numbers) + "."
        w.say(text, seconds=len(text) * w.rng.uniform(0.13, 0.3))
        return
    for said in numbers:
        w.say(said + ".", seconds=w.rng.uniform(0.25, 0.5) * (1 + len(said) / 3), gap=w.rng.uniform(0, 0.7))


def roll_call(w: Writer) -> None:
    """Names and the same answer to each."""
    for name in w.rng.sample(w.language["names"] * 3, 15):
        w.say(name + "?", speaker=0)
        w.say(w.language["short"][0], speaker=1)


def table(w: Writer) -> None:
    """A multiplication table."""
    by = w.rng.randint(2, 12)
    w.say(", ".join(f"{n} x {by} = {n * by}" for n in range(1, 13)), seconds=w.rng.uniform(18, 30))


def listing(w: Writer) -> None:
    """Numbered entries that begin alike."""
    begin = w.rng.choice(w.language["filler"][2:])
    for place in range(w.rng.randint(5, 15)):
        w.say(f"{begin} {place + 1}: {w.rng.choice(w.language['names'])}{w.language['end']}", speaker=0)


def anaphora(w: Writer) -> None:
    """Sentences that begin alike."""
    begin = w.rng.choice(w.language["filler"][2:])
    w.say(w.language["stop"].join(f"{begin} {text}" for text in w.rng.sample(w.language["text"], 6)))


def insisting(w: Writer) -> None:
    """No, no, no, and why."""
    word = w.rng.choice([w.language["short"][0].rstrip(".。।"), w.language["filler"][0]])
    said = w.rng.choice([" ", ", "]).join([word] * w.rng.randint(4, 10))
    w.say(f"{said} {w.sentence()}")


def laughter(w: Writer) -> None:
    """Laughter written out."""
    unit, count = w.rng.choice(["ha ", "ha", "hahah", "哈", "ха", "ฮา"]), w.rng.randint(4, 14)
    w.say((unit * count).strip(), seconds=count * w.rng.uniform(0.2, 0.35))


def stutter(w: Writer) -> None:
    """Words begun several times."""
    words = w.sentence().split(" ")
    w.say(" ".join(" ".join([word[:2] + "-"] * w.rng.choice([0, 0, 2, 5]) + [word]) for word in words))


def telephone(w: Writer) -> None:
    """Digits one by one."""
    digits = [str(w.rng.choice([0, 0, 1, 2, 5, 7])) for _ in range(w.rng.randint(8, 16))]
    text = w.rng.choice([" ", "", "-"]).join(digits)
    w.say(text, seconds=len(digits) * w.rng.uniform(0.25, 0.5))


def quiet(w: Writer) -> None:
    """Hours of sounds."""
    for _ in range(w.rng.randint(3, 20)):
        tag = w.rng.choice(["[Silence]", "[Noise]", "[Music]", "[Human Sounds]"])
        w.say(tag, speaker=w.rng.choice([0, "N/A"]), seconds=w.rng.uniform(0.5, 90))


def hold_line(w: Writer) -> None:
    """A machine's words, at even times, with music between."""
    for _ in range(w.rng.randint(4, 12)):
        w.say(w.language["filler"][4] + w.language["end"], speaker=0, seconds=2.5, gap=0)
        w.say("[Music]", speaker=0, seconds=10 + w.rng.uniform(0, 0.3), gap=0)


def breathing(w: Writer) -> None:
    """In and out, slowly."""
    for place in range(w.rng.randint(10, 24)):
        w.say(w.language["filler"][2 + place % 2], speaker=0, seconds=w.rng.uniform(2.5, 4.5))


HONEST: tuple[Callable[[Writer], None], ...] = (
    *(ordinary, hasty, meeting, song, drill, prayer, rosary, chant, counting, roll_call, table, listing, anaphora),
    *(insisting, laughter, stutter, telephone, quiet, hold_line, breathing),
)
