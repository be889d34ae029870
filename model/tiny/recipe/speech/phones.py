"""One alphabet for the sounds of all synthesisers: espeak-ng's symbols, and what the others' stand for in it."""

from collections.abc import Sequence

from ..vocabulary import listed
from .utterance import Phone

# espeak-ng's symbols over all its English accents, without the rarest.
PHONES = listed(
    "n t s I k l r d E z eI m i: f b 3 p w V @ i v aI oU 0 a u: N h j g D I2 tS O: T 3: aU dZ @L O@ A@ a# aa t# S "
    "o@ U i@3 O2 e@ I# A: i@ aI@ U@ @2 t[ t2 aI2"
)
PHONE_CLASS = {symbol: number for number, symbol in enumerate(PHONES, start=1)}  # 0 is silence


def _pairs(text: str) -> dict[str, str]:
    names = listed(text)
    return dict(zip(names[::2], names[1::2], strict=True))


# The vowels of "voice" and the consonant in "measure" are among the rarest: they become the nearest.
_ARPABET = _pairs(
    "aa A: ae a ah V ao O: aw aU ax @ axr 3 ay aI eh E er 3: ey eI ih I iy i: ow oU oy O: uh U uw u: "
    "b b ch tS d d dh D dx t# el @L em m en n f f g g hh h hv h jh dZ k k l l m m n n ng N nx n p p r r s s sh S "
    "t t th T v v w w y j z z zh dZ"
)
_IPA = _pairs(
    "eɪ eI aɪ aI ɔɪ O: aʊ aU oʊ oU əʊ oU iː i: uː u: ɑː A: ɔː O: oː O: ɜː 3: "
    "i i u u: ɑ A: ɒ 0 ɔ O: o oU ɜ 3: ɚ 3 ɪ I ᵻ I# ʊ U ə @ ɐ a# ʌ V æ a a a ɛ E e E "
    "tʃ tS dʒ dZ ʧ tS ʤ dZ b b d d f f g g ɡ g h h j j k k l l ɫ l m m n n ŋ N p p r r ɹ r ɾ t# s s ʃ S t t ʔ t "
    "θ T ð D v v w w z z ʒ dZ"
)
_STRESS = ("ˈ", "ˌ")
_LENGTHENING = ("ː", "\N{COMBINING VERTICAL LINE BELOW}")  # behind what it belongs to: a long or a syllabic sound


def from_arpabet(symbol: str) -> str | None:
    """A sound as flite and festival name it, as the nearest of PHONES; None for silence. KeyError for no such sound."""
    return None if symbol == "pau" else _ARPABET[symbol]


def from_ipa(characters: Sequence[tuple[str, float, float]]) -> list[Phone]:
    """The sounds that the characters of one word stand for; each character comes with its start and end.

    What is written with two characters is one sound. A stress mark's time is that of the sound that follows, a length
    mark's that of the one before. ValueError for a character that stands for no sound.
    """
    phones: list[Phone] = []
    begun: float | None = None  # where the stress mark before the next sound began
    position = 0
    while position < len(characters):
        character, start, end = characters[position]
        pair = "".join(name for name, _, _ in characters[position : position + 2])
        if character in _STRESS:
            begun = start if begun is None else begun
        elif character in _LENGTHENING and phones:
            phones[-1] = phones[-1]._replace(end=end)
        elif pair in _IPA or character in _IPA:
            written = pair if pair in _IPA else character
            end = characters[position + len(written) - 1][2]
            phones.append(Phone(_IPA[written], start if begun is None else begun, end))
            begun = None
            position += len(written) - 1
        else:
            raise ValueError(f"{character!r} stands for no sound")
        position += 1
    return phones
