"""Where people's words are recorded under licences that let all use them: packages, and what is said in each file.

What was looked at and is not here, and why:

- `tuxpaint-stamps-default` says "A dog." and the like, with an article that cannot be cut off by a rule, and two of the
  animals are in the vocabulary; `kajongg` says tiles ("one bamboo").
- `hedgewars-data` says "Hello" in eight voices, under the GFDL, which none of the others needs, and acted.
- `redeclipse-data` (yes, no, thanks) and `wing-data` (one, two, three, go): PocketSphinx, to check, hears none
  of the words of the first, and half of the second's.
- `nexuiz-data` counts to ten in a voice that its folder calls robotic.
- `pysiogame` (eduActiv8), `baresip-core`, `linphone-common`, `tucnak`, `klog`: no file of a word. `gcompris-qt-data`
  and `warzone2100-data` hold containers that were not opened: none of GCompris's is named for voices. Debian 12 has no
  `childsplay`, `freeswitch` or `predict`.
- `asterisk-core-sounds-en-wav` has the same recordings as `-g722` with half the band; the packages of other languages
  hold no English.
- `pocketsphinx-testdata`, the rest of it: cards and commands whose other words the checkpoint does not know.
- PyPI and npm: no package's summary speaks of spoken digits, the Speech Commands or the like as files that it carries.
  The source distributions of SpeechRecognition, pyAudioAnalysis and python_speech_features hold no recordings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .vocabulary import DAYS, MONTHS, NUMBERS, SPELLING

_BELOW_20 = NUMBERS[:20]
_DIGITS = {str(number): word for number, word in enumerate(NUMBERS[:10])}
_TENS = {str(10 * tens): word for tens, word in enumerate(NUMBERS[20:28], start=2)}
_NUMBERS = {str(number): word for number, word in enumerate(_BELOW_20)} | _TENS
_DAYS = [DAYS[-1], *DAYS[:-1]]  # as computers count them
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPELLING = sorted([*SPELLING, "November"])


@dataclass(frozen=True)
class Person:
    """Somebody whose voice is in a package.

    `files`: path in the package with `{}` for a name -> that name -> the words, with spaces, as `WORDS` spells them.
    """

    name: str
    files: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Source:
    """A package: a .deb (`archive` is its place in a Debian mirror) or a wheel (its file name)."""

    package: str
    version: str
    archive: str
    sha256: str
    licence: str
    people: tuple[Person, ...]

    @property
    def file(self) -> str:
        """The name of the archive without the folders of a mirror."""
        return self.archive.rsplit("/", 1)[-1]


def _same(words: str) -> dict[str, str]:
    """Files that are called like the word in them."""
    return {word: word for word in words.split()}


_ALLISON = "usr/share/asterisk/sounds/en_US_f_Allison/"
_ALONE = {
    **_same("hello goodbye number second minute with your"),
    **{f"vm-{word}": word.lower() for word in ["and", "no", "from", "first", "last", "Family", "Old", "goodbye"]},
}
_COUNTED = {
    **_NUMBERS,
    **{f"day-{number}": day for number, day in enumerate(_DAYS)},
    **{f"mon-{number}": month for number, month in enumerate(MONTHS)},
    **{"h-1": "first", "h-2": "second", "h-3": "third"},
    **_same("hundred thousand today tomorrow yesterday at"),
}
_ASTERISK = Source(
    "asterisk-core-sounds-en-g722",
    "1.6.1-1",
    "pool/main/a/asterisk-core-sounds/asterisk-core-sounds-en-g722_1.6.1-1_all.deb",
    "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
    "CC-BY-SA-3.0",
    (
        Person(
            "Allison Smith",
            {
                _ALLISON + "{}.g722": _ALONE,
                _ALLISON + "digits/{}.g722": _COUNTED,
                _ALLISON + "letters/{}.g722": {letter.lower(): letter for letter in _LETTERS},
                _ALLISON + "phonetic/{}.g722": {word[0].lower() + "_p": word for word in _SPELLING},
            },
        ),
    ),
)
_SAYTIME = Source(
    "saytime",
    "1.0-35+b1",
    "pool/main/s/saytime/saytime_1.0-35+b1_amd64.deb",
    "189e502f34ab7e2a9ececc45d781273760cfe11f3719f4176a9f6d472228856a",
    "GPL",
    (
        Person(
            "David C Dawson",
            {
                "usr/share/saytime/{}.au": {
                    **{number: word for number, word in _NUMBERS.items() if int(number) <= 50},
                    **_same("and minute"),
                }
            },
        ),
    ),
)
_CSMASH = Source(
    "csmash-data",
    "0.6.6-6.9",
    "pool/main/c/csmash/csmash-data_0.6.6-6.9_all.deb",
    "ef2fd5ff2050caf1197171e7656c18549bb4447126109e5e21b5bc87cdf0626e",
    "GPL-2.0-or-later",
    (
        Person(
            "unnamed, Cannon Smash",
            {"usr/share/games/csmash/wav/{}.wav": _same(" ".join([*_BELOW_20, "twenty thirty"]))},
        ),
    ),
)
_SCID = Source(
    "scid-data",
    "1:4.7.4+dfsg1-2",
    "pool/main/s/scid/scid-data_4.7.4+dfsg1-2_all.deb",
    "8310db911ec7b3f501fac1a696b58dcb93e53d0544a4529af6f1d95f08f926ec",
    "GPL-2.0",
    (
        Person(
            "unnamed, Scid",
            {
                "usr/share/scid/sounds/{}.wav": {
                    **{digit: word for digit, word in _DIGITS.items() if digit in "12345678"},
                    **{letter.lower(): letter for letter in _LETTERS[:8]},
                }
            },
        ),
    ),
)
_KLETTRES = Source(
    "klettres-data",
    "4:22.12.3-1",
    "pool/main/k/klettres/klettres-data_22.12.3-1_all.deb",
    "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
    "GPL-2.0-or-later",
    (
        Person(
            "unnamed, KLettres, American",
            {
                "usr/share/klettres/en/alpha/{}.ogg": {letter: letter for letter in _LETTERS},
                "usr/share/klettres/en/syllab/{}.ogg": _same("car dog hot key me my no"),
            },
        ),
        Person(
            "unnamed, KLettres, British",
            {
                "usr/share/klettres/en_GB/alpha/{}.ogg": {letter.lower(): letter for letter in _LETTERS},
                "usr/share/klettres/en_GB/syllab/{}.ogg": _same("ball car dog hot key me my no the well"),
            },
        ),
    ),
)
_POTATO = "usr/share/ktuberling/sounds/en/"
_KTUBERLING = Source(
    "ktuberling-data",
    "4:22.12.3-1",
    "pool/main/k/ktuberling/ktuberling-data_22.12.3-1_all.deb",
    "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
    "GPL-2.0-or-later",
    (
        Person(
            "unnamed, KTuberling",
            {
                _POTATO + "{}.ogg": _same("ball flower"),
                _POTATO + "egypt_{}.ogg": _same("bridge"),
                _POTATO + "pizzeria_{}.ogg": _same("cheese"),
            },
        ),
        Person("unnamed, KTuberling's street", {_POTATO + "tv_{}.ogg": _same("bicycle car train tree")}),
    ),
)
_TESTS = "usr/share/pocketsphinx/test/data/"
_POCKETSPHINX = Source(
    "pocketsphinx-testdata",
    "0.8+5prealpha+1-15",
    "pool/main/p/pocketsphinx/pocketsphinx-testdata_0.8+5prealpha+1-15_all.deb",
    "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
    "BSD-2-Clause",
    (
        Person("dhd, PocketSphinx", {_TESTS + "tidigits/dhd.{}.raw": {"2934z": "two nine three four zero"}}),
        Person("unnamed, PocketSphinx's cards", {_TESTS + "cards/{}.wav": {"004": "five five"}}),
    ),
)
_NOT1MM = Source(
    "not1mm",
    "26.10.26",
    "not1mm-26.10.26-py3-none-any.whl",
    "62f54adb3ec4ed472f74db7638cba7db32fc93590289b36a8f37f1bf0df60c50",
    "GPL-3.0-or-later",
    (
        Person(
            "Michael Bridak",
            {
                "not1mm/data/phonetics/{}.wav": {
                    **_DIGITS,
                    **{word[0].lower(): word for word in _SPELLING},
                    **_same("again"),
                    "thankyou": "thank you",
                }
            },
        ),
    ),
)

SOURCES = (_ASTERISK, _SAYTIME, _CSMASH, _SCID, _KLETTRES, _KTUBERLING, _POCKETSPHINX, _NOT1MM)
