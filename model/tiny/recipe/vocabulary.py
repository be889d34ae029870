"""The closed vocabulary of the tiny checkpoint and the sentences made of it.

Words that sound alike are left out (of "sea" and "see" only "see" is here), because many sentences are words in
any order and nothing but the sound could tell them apart. Two kinds are exceptions. Letters, and a few words of
`PHRASES`, sound like others ("U" and "you", "to" and "two"): they are said only in spellings and in these phrases. And
each of the names has two spellings, on purpose: the context of the request decides which one is written.
"""

import random
from collections.abc import Callable


def listed(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


NUMBERS = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
)
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = listed("January February March April May June July August September October November December")
SEASONS = listed("spring summer autumn winter")
TIMES = listed("morning afternoon evening night noon midnight today tomorrow yesterday now later soon early late")
UNITS = listed("minute week month year")
COLOURS = listed("red blue green yellow black white brown orange purple grey pink")
OWNERS = listed("the my your her this that these some every")
SUBJECTS = listed("I you we they he she it")
PEOPLE = listed("mother father sister brother teacher doctor friend child people family")
THINGS = listed(
    "house garden kitchen table chair door window book letter phone train bus car bicycle station street city "
    "village river mountain school office market shop bridge water coffee milk bread cheese apple soup dinner "
    "breakfast lunch dog cat horse bird tree flower rain snow weather music song film game ball picture box key "
    "money ticket meeting question answer story paper"
)
VERBS = listed(
    "is was has have go comes leaves arrives opens closes starts stops takes brings buys sells makes writes calls "
    "likes loves needs wants finds sees walks runs waits works sleeps eats drinks plays sings talks asks helps "
    "cooks"
)
ADJECTIVES = listed("big small old young good bad hot cold warm long short happy quiet loud fast slow heavy beautiful")
PLACES = listed("at in on with from near behind under before after")
LINKS = listed("and but")
ADVERBS = listed("not very always never often here again please")
REPLIES = listed("yes no hello thanks okay")
MEETING = listed(
    "everyone everybody start next point thank goodbye welcome sorry can let us me what who well done great agree name "
    "number first second third last team today's agenda right left test testing"
)
SPELLING = listed(
    "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliet Kilo Lima Mike Oscar Papa Quebec Romeo Sierra "
    "Tango Uniform Victor Whiskey X-ray Yankee Zulu"
)
"""The spelling alphabet; its November is among the months."""
LETTERS = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter != "I"]  # which is among the subjects
PHRASES = [
    phrase.split()
    for phrase in (
        "good morning everyone", "good afternoon everyone", "let us start", "next point", "thank you",
        "thank you very much", "can you hear me", "what is your name", "my name is Sara", "see you tomorrow",
        "that is all", "any questions", "yes please", "no thank you", "who is here", "let us go on", "this is a test",
        "one two three", "testing one two three", "welcome to the meeting", "I have a question", "what do you think",
        "I agree", "well done everybody", "goodbye everyone", "the meeting is over", "please wait a minute",
        "hello how are you", "I am fine thank you", "we start at nine thirty",
    )
]  # fmt: skip
"""What somebody would try first at a microphone."""

# How it is written unless the context says otherwise -> how it is written when the context holds that form.
NAMES = {"Steven": "Stephen", "Sara": "Sarah", "Katherine": "Kathryn", "Philip": "Phillip", "Geoffrey": "Jeffrey"}

_ALONE = [
    *NUMBERS, *DAYS, *MONTHS, *SEASONS, *TIMES, *UNITS, *COLOURS, *OWNERS, *SUBJECTS, *PEOPLE, *THINGS, *VERBS,
    *ADJECTIVES, *PLACES, *LINKS, *ADVERBS, *REPLIES, *MEETING, *SPELLING, *NAMES,
]  # fmt: skip
_IN_PHRASES = sorted({word for phrase in PHRASES for word in phrase} - {*_ALONE})
WORDS: list[str] = [*_IN_PHRASES, *LETTERS, *_ALONE]

CARD: dict[str, list[str]] = {
    "numbers": NUMBERS, "calendar": [*DAYS, *MONTHS, *SEASONS, *TIMES, *UNITS], "replies": [*REPLIES, *MEETING],
    "phrases": [" ".join(phrase) for phrase in PHRASES], "letters": LETTERS, "spelling": SPELLING, "colours": COLOURS,
    "people": [*SUBJECTS, *OWNERS, *PEOPLE], "names": [*NAMES], "things": THINGS, "verbs": VERBS,
    "adjectives": ADJECTIVES, "small": [*PLACES, *LINKS, *ADVERBS],
}  # fmt: skip
"""The vocabulary as people read it, by kind: samples/words.json, which the card and the page list."""

TAGS = ("[Silence]", "[Noise]", "[Music]")

LONGEST = 9  # words in a sentence

Rng = random.Random


_BEFORE_ONE = [word for word in OWNERS if word not in ("these", "some")]
_HOURS, _DATES = NUMBERS[1:13], NUMBERS[1:21]


def _thing(rng: Rng) -> list[str]:
    adjective = [rng.choice(COLOURS + ADJECTIVES)] if rng.random() < 0.5 else []
    return [rng.choice(_BEFORE_ONE), *adjective, rng.choice(THINGS)]


def _who(rng: Rng) -> list[str]:
    roll = rng.random()
    if roll < 0.35:
        return [rng.choice(("he", "she", "it"))]
    if roll < 0.5:
        return [rng.choice(list(NAMES))]
    if roll < 0.75:
        return [rng.choice(_BEFORE_ONE), rng.choice(PEOPLE)]
    return _thing(rng)


def _when(rng: Rng) -> list[str]:
    roll = rng.random()
    if roll < 0.25:
        return ["on", rng.choice(DAYS)]
    if roll < 0.45:
        return ["at", rng.choice(_HOURS)]
    if roll < 0.6:
        return ["in", rng.choice(MONTHS + SEASONS)]
    if roll < 0.75:
        return ["on", rng.choice(MONTHS), rng.choice(_DATES)]
    return ["every", rng.choice(UNITS)] if roll < 0.82 else [rng.choice(TIMES)]


def _start(rng: Rng) -> list[str]:
    if rng.random() < 0.2:
        return [rng.choice(("I", "you", "we", "they")), rng.choice(("have", "go"))]
    return [*_who(rng), rng.choice(VERBS)]


def _statement(rng: Rng) -> list[str]:
    words = _start(rng)
    if rng.random() < 0.6:
        words += _thing(rng)
    if rng.random() < 0.3:
        words += [rng.choice(PLACES), *_thing(rng)]
    if rng.random() < 0.4:
        words += _when(rng)
    return words


def _description(rng: Rng) -> list[str]:
    middle = rng.choice((["is"], ["was"], ["is", "not"], ["is", "very"], ["was", "always"]))
    return [*_thing(rng), *middle, rng.choice(ADJECTIVES + COLOURS)]


def _clock(rng: Rng) -> list[str]:
    return [*_start(rng), "at", rng.choice(_HOURS), rng.choice(NUMBERS[10:24])]


def _reply(rng: Rng) -> list[str]:
    return [rng.choice(REPLIES), *(_statement(rng) if rng.random() < 0.7 else [])]


def _digits(rng: Rng) -> list[str]:
    return rng.choices(NUMBERS[:10] if rng.random() < 0.3 else NUMBERS, k=rng.randint(1, 8))


def _count(rng: Rng) -> list[str]:
    words: list[str] = []
    for _ in range(rng.randint(1, 4)):
        words += [rng.choice(NUMBERS[20:28]), rng.choice(NUMBERS[1:10])]
    return words


def _spelled(rng: Rng) -> list[str]:
    letters = [*LETTERS, "I"] if rng.random() < 0.6 else [*SPELLING, "November"]
    return rng.choices(letters, k=rng.randint(1, 7))


def _phrase(rng: Rng) -> list[str]:
    return list(rng.choice(PHRASES))


def _any_order(rng: Rng) -> list[str]:
    return rng.choices(_ALONE, k=rng.randint(1, LONGEST))


_FORMS = (_statement, _description, _clock, _reply, _digits, _count, _spelled, _phrase, _any_order)
_PLAIN_WEIGHTS = (38, 16, 8, 14, 5, 4, 4, 11, 0)
_TRAINING_WEIGHTS = (16, 6, 4, 6, 8, 4, 9, 7, 40)


_TRIED = (LETTERS, NUMBERS, [*SPELLING, "November"], [*DAYS, *MONTHS], [*REPLIES, *MEETING], _ALONE, _ALONE)
"""Kinds of words that somebody says alone, the likelier ones and all."""


Sentences = Callable[[Rng, bool], list[str]]
"""What gives the next sentence, as `sentence` does."""

_AGAIN, _TWICE, _FEW = 0.08, 0.2, 0.1


def sentence(rng: Rng, plain: bool = False) -> list[str]:
    """A sentence of one to nine words as they stand in WORDS; many are words in random order unless `plain`."""
    while True:
        form = rng.choices(_FORMS, _PLAIN_WEIGHTS if plain else _TRAINING_WEIGHTS)[0]
        words = form(rng)
        if len(words) <= LONGEST:
            return words


def repeating(says: Sentences) -> Sentences:
    """Sentences of one conversation: some come again, some say words twice in a row, some only two or three words.

    Where no words ever came again, a network could find its place in what is said by the last words alone.
    """
    heard: list[list[str]] = []

    def say(rng: Rng, plain: bool = False) -> list[str]:
        if heard and rng.random() < _AGAIN:
            return rng.choice(heard)
        words = says(rng, plain)
        roll = rng.random()
        if roll < _TWICE:
            start = rng.randrange(len(words))
            end = start + rng.randint(1, 4)
            words = (words[:end] + words[start:])[:LONGEST]
        elif roll < _TWICE + _FEW:
            words = rng.choices(rng.sample(words, min(3, len(words))), k=rng.randint(3, LONGEST))
        heard.append(words)
        return words

    return say


def brief(rng: Rng, plain: bool = False) -> list[str]:
    """A word or two, as somebody says who tries a microphone; `plain` is for the form's sake, see `sentence`."""
    del plain
    return rng.choices(rng.choice(_TRIED), k=rng.choice((1, 1, 1, 2)))


def written(words: list[str], complete: bool, spelling: dict[str, str] | None = None) -> str:
    """The sentence as the transcript has it: a capital letter first and, if it was said to its end, a full stop."""
    text = " ".join((spelling or {}).get(word, word) for word in words)
    return text[:1].upper() + text[1:] + ("." if complete else "")
