"""Words that a break should not part from what follows them: articles, prepositions, conjunctions, titles.

Subtitling guides (Netflix's General Requirements, the BBC's guidelines) break lines in front of such words. The list
holds the frequent ones of the languages below; in others, lines break between any two words, and at punctuation best.
"""

from __future__ import annotations

_ENGLISH = """a an the and or but nor so because if when while that which who than as of in on at to for from with by
about into over under after before between through my your his her its our their this these those"""
_GERMAN = """der die das den dem des ein eine einen einem einer und oder aber denn weil dass wenn als ob wie von zu zum
zur mit bei beim nach aus auf für in im an am um durch gegen ohne über unter vor mein dein sein ihr unser"""
_FRENCH = """le la les l un une des du de d et ou mais donc car que qui quand si comme à au aux en dans sur sous par
pour avec sans chez mon ma mes ton ta tes son sa ses notre votre leur leurs ce cette ces"""
_SPANISH = """el la los las un una unos unas y e o u pero porque que quien cuando si como de del a al en con por para
sin sobre entre mi mis tu tus su sus este esta estos estas"""
_ITALIAN = """il lo la i gli le un uno una e ed o ma perché che chi quando se come di del della dei delle a al alla ai
in nel nella con per su sul sulla tra fra da dal dalla mio mia tuo tua suo sua"""
_PORTUGUESE = """o a os as um uma uns umas e ou mas porque que quem quando se como de do da dos das em no na nos nas
ao à aos às com por para sem sobre meu minha seu sua"""
_DUTCH = """de het een en of maar want omdat dat die als wanneer van in op aan bij met voor naar uit over onder door om
te mijn jouw zijn haar ons onze hun"""
_RUSSIAN = "и а но или что чтобы если когда как в во на с со к ко по из от до у о об за для без при не"
_POLISH = "i a ale lub albo że żeby jeśli kiedy jak w we na z ze do od po o u za dla bez przy nie"

_LANGUAGES = (_ENGLISH, _GERMAN, _FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE, _DUTCH, _RUSSIAN, _POLISH)

BOUND_WORDS = frozenset(" ".join(_LANGUAGES).split())
TITLES = frozenset(
    {"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "hr.", "fr.", "m.", "mme.", "sr.", "sra.", "sig.", "dott."}
)
"""Ends of no sentence, though a full stop stands there."""
