"""What the model writes where nobody says a word: ``[Music]``, ``[Noise]``, ``[Applause And Cheering]``, ..."""

from __future__ import annotations

import re

UNINTELLIGIBLE = "[Unintelligible Speech]"
"""No such tag: somebody said something."""

_TAGS = re.compile(r"(?:\[[^\[\]]*\]\s*)+")
_TAG = re.compile(r"\[([^\[\]]*)\]")
_SOUND = re.compile(
    r"""musics?|noises?|silence|sounds?|humans?|environmental|background|ambient|applause|clapping|cheer(?:s|ing)
    |laughter|laugh(?:s|ing)?|chuckl(?:es?|ing)|giggl(?:es?|ing)|cough(?:s|ing)?|sneez(?:es?|ing)|sigh(?:s|ing)?
    |breath(?:s|ing)?|groan(?:s|ing)?|crying|sobbing|scream(?:s|ing)?|whistl(?:es?|ing)|humming|singing|clears?|clearing
    |throats?|crowds?|audience|bells?|rings?|ringing|phone|beep(?:s|ing)?|static|footsteps?|knock(?:s|ing)?|doors?
    |typing|wind|rain|traffic|engines?|sirens?|bark(?:s|ing)?|dogs?|birds?|chirp(?:s|ing)|play(?:s|ing)|jingle|pause
    |blank|audio""",
    re.VERBOSE,
)
"""Words of which names of sounds are made. The training data has ``[Music]``, ``[Human Sounds]``, ``[Environmental
Sounds]``, ``[Noise]`` and ``[Silence]``; the others are seen where models go on from there."""
_JOINTS = frozenset({"and", "or", "of", "in", "the", "a"})


def are_tags(text: str) -> bool:
    """Nothing but tags: whether anybody speaks in such a segment, its speaker tells."""
    return text != UNINTELLIGIBLE and _TAGS.fullmatch(text) is not None


def name_sounds(text: str) -> bool:
    """Nothing but tags that name sounds. Models sometimes number a speaker for them all the same."""
    return are_tags(text) and all(map(_names_a_sound, _TAG.findall(text)))


def _names_a_sound(name: str) -> bool:
    words = [word for word in re.findall(r"[^\W_]+", name.lower()) if word not in _JOINTS]
    return bool(words) and all(map(_SOUND.fullmatch, words))
