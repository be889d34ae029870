"""Which language was spoken, from the words of a transcript: the model writes them and does not say which it heard.

Scripts that one served language has for itself (kana, Hangul, Thai, Greek, Armenian) tell it by themselves, Hebrew's
nearly so. Elsewhere a classifier of letter sequences (py3langid) decides, and where its evidence is thin nothing is
said: a wrong language sends a text to the wrong voice, dictionary or translator, which is worse than none.
"""

from __future__ import annotations

import lzma
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import regex
from py3langid.langid import (  # type: ignore[import-untyped]
    MODEL_DIR,
    MODEL_FILE,
    LanguageIdentifier,
)

from server.transcript.language_names import LANGUAGE_NAMES

_SCRIPTS = {"Kana": "ja", "Hangul": "ko", "Thai": "th", "Greek": "el", "Armenian": "hy"}
"""Of the served languages only one is written with each of them."""
_LETTERS = regex.compile(
    r"(?P<Latin>\p{Latin})|(?P<Cyrillic>\p{Cyrillic})|(?P<Arabic>\p{Arabic})|(?P<Devanagari>\p{Devanagari})"
    r"|(?P<Han>\p{Han})|(?P<Kana>[\p{Hiragana}\p{Katakana}])|(?P<Hangul>\p{Hangul})|(?P<Thai>\p{Thai})"
    r"|(?P<Hebrew>\p{Hebrew})|(?P<Greek>\p{Greek})|(?P<Armenian>\p{Armenian})|(?P<Other>\p{L})"
)
_WEIGHTS = {"Han": 3, "Kana": 2, "Hangul": 2}
"""Letters of an alphabet that say as much as one of these signs."""
_TAG = regex.compile(r"\[[^\[\]]*\]")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'’\u200c\u200d-]*")
_MARKS = regex.compile(r"\p{M}")

_DOMINANT = 0.7
"""Of the letters, the share that has to be of one script."""
_CERTAIN = 0.7
"""The probability that the classifier has to give its first choice."""
_TWINS = {"da": "no", "no": "da", "hr": "sr", "sr": "hr", "id": "ms", "ms": "id"}
_CERTAIN_TWIN = 0.75
"""The same where two languages are hardly different. A sentence of one is no sign against the other."""
_CONTRARY = 0.2
"""Of the text, the share that may be in another language for certain: a quotation, a greeting. More of it is a mix."""
_MIN_WORDS = 3
"""Different words beside names that a classifier needs."""
_MIN_HAN = 6
"""Chinese characters without kana that are more than a Japanese name."""
_MIN_YIDDISH = 0.2
"""Of the words in Hebrew letters, the share that Yiddish's commonest words reach."""
_YIDDISH = regex.compile(
    "א|אויך|אויף|אונדז|אונז|איך|איז|איר|אלע|גוט|דאס|די|דעם|דער|האב|האבן|האט|וואס|וועלן|זיי|זיך|זענט|מיט|מיין|מיר|נישט|ניט"
    "|פון|צו|און"
)

_PASSAGE = regex.compile(r"[^\s.!?…。！？।؟][^.!?…。！？।؟]{0,79}(?:[^\s.!?…。！？।؟]{0,20}(?=[\s.!?…。！？।؟]|$))?")
"""A sentence, or as much of one as tells its language."""
_MAX_PASSAGES = 24
"""Taken from the whole of a longer text: they keep nobody waiting."""

_NEAR = {"nn": "no", "ary": "ar", "arz": "ar", "yue": "zh", "wuu": "zh"}
"""Varieties that the classifier knows for themselves, and the served language that they are told as."""
_OTHERS = regex.compile(
    "az|ba|be|br|cy|eo|eu|ga|gd|ha|ht|ig|kk|ku|ky|la|lg|mg|mk|mr|mt|nso|om|ps|qu|rw|sdh|se|sn|so|sq|st|tg|tk|tt|ug|uz|xh"
    "|yo|zu|zxx"
)
"""Languages that are not served, so that their texts are not taken for the nearest that is; zxx is no language at all.

Left out are those so near to a served one (Bosnian, Galician, Occitan, ...) that they would make that one uncertain.
"""


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """A language that is certain.

    Attributes:
        code: ISO 639-1.
        confidence: 0.7 to 1; 1 where the script tells it.
    """

    code: str
    confidence: float

    @property
    def name(self) -> str:
        """In English and lower case, as Whisper names it."""
        return LANGUAGE_NAMES[self.code]


def spoken_language(text: str) -> str | None:
    """The ISO 639-1 code of the language a transcript is written in; None when unsure. See `heard_language`."""
    language = heard_language(text)
    return None if language is None else language.code


def heard_language(text: str) -> SpokenLanguage | None:
    """The language a transcript is written in, None when unsure: too few words, names, tags, mixed languages.

    The same text always gives the same. Takes about a millisecond, for a long text four, and the first time, where
    `load_languages` was not called before, most of a second.
    """
    passages = _spread(_PASSAGE.findall(_TAG.sub(" ", unicodedata.normalize("NFC", text))))
    script = _script(passages)
    if script is None:
        return None
    if script in _SCRIPTS:
        return SpokenLanguage(_SCRIPTS[script], 1.0)
    if script == "Hebrew":
        return SpokenLanguage(_in_hebrew_letters(passages), 1.0)
    return _classified(passages) if _enough(passages, script) else None


@cache
def load_languages() -> LanguageIdentifier:
    """The classifier, read once: to be called where most of a second's work keeps nobody waiting.

    Of the languages it knows only those that it has to choose from are kept in memory.
    """
    # py3langid's own way unpacks 65 MiB into the temporary folder, which may be small, or full.
    with lzma.open(MODEL_DIR / MODEL_FILE) as packed, np.load(BytesIO(packed.read()), allow_pickle=False) as stored:
        likelihoods, priors, names = stored["ptc"], stored["pc"], stored["classes"].tolist()
        moves, rows = _plain(stored["nextmove"]), _plain(stored["nextmove_row"])
        features = stored["out_feat"].tolist()
    known = LANGUAGE_NAMES.keys() | _NEAR.keys()
    kept = [place for place, name in enumerate(names) if name in known or _OTHERS.fullmatch(name)]
    return LanguageIdentifier(
        likelihoods[:, kept],
        priors[kept],
        [names[place] for place in kept],
        moves,
        features,
        norm_probs=True,
        tk_row=rows,
    )


def _plain(table: np.ndarray[Any, Any]) -> array[int]:
    """Of which an element is got without NumPy's ado."""
    return array({2: "H", 4: "I"}[table.itemsize], table.tobytes())


def _spread(passages: Sequence[str]) -> Sequence[str]:
    """All of them, or as many as are looked at, from the beginning to the end."""
    step = max(1, -(-len(passages) // _MAX_PASSAGES))
    return passages[::step]


def _script(passages: Sequence[str]) -> str | None:
    """The script that nearly all letters are of. Chinese characters count for Japanese where there is kana."""
    found: Counter[str] = Counter()
    for passage in passages:
        found.update(match.lastgroup or "" for match in _LETTERS.finditer(passage))
    letters = Counter({script: count * _WEIGHTS.get(script, 1) for script, count in found.items()})
    if letters["Kana"] * 10 >= letters["Han"]:
        letters["Kana"] += letters.pop("Han", 0)
    if letters.total() < 2:
        return None
    script, count = letters.most_common(1)[0]
    return script if script != "Other" and count >= _DOMINANT * letters.total() else None


def _enough(passages: Sequence[str], script: str) -> bool:
    """Whether there are enough words beside names, which are the same in all languages."""
    if script == "Han":
        return sum(len(regex.findall(r"\p{Han}", passage)) for passage in passages) >= _MIN_HAN
    words = {word for passage in passages for word in _WORD.findall(passage)}
    shouted = all(word.isupper() for word in words)
    return sum(shouted or not word[0].isupper() for word in words) >= _MIN_WORDS


def _in_hebrew_letters(passages: Sequence[str]) -> str:
    words = [_MARKS.sub("", unicodedata.normalize("NFKD", word)) for part in passages for word in _WORD.findall(part)]
    return "yi" if sum(_YIDDISH.fullmatch(word) is not None for word in words) >= _MIN_YIDDISH * len(words) else "he"


def _classified(passages: Sequence[str]) -> SpokenLanguage | None:
    """What the classifier makes of the whole, unless too many passages are in another language."""
    code, confidence = _first_choice(" ".join(passages))
    if code not in LANGUAGE_NAMES or confidence < (_CERTAIN_TWIN if code in _TWINS else _CERTAIN):
        return None
    contrary = sum(len(passage) for passage, other in _sure(passages) if other not in (code, _TWINS.get(code)))
    if contrary > _CONTRARY * sum(map(len, passages)):
        return None
    return SpokenLanguage(code, min(confidence, 1.0))


def _sure(passages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Passages whose language is certain by themselves, with it."""
    for passage in passages:
        code, confidence = _first_choice(passage)
        if confidence >= _CERTAIN:
            yield passage, code


def _first_choice(text: str) -> tuple[str, float]:
    """The classifier's likeliest language and its probability, its varieties taken together."""
    words = " ".join(word for word in _WORD.findall(text))
    likely: Counter[str] = Counter()
    for name, probability in load_languages().rank(words):
        likely[_NEAR.get(name, name)] += probability
    return likely.most_common(1)[0]
