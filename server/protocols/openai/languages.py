"""What may be said for a language in a request."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_TAG: Final = r"[A-Za-z]{2,32}([-_][A-Za-z0-9]{1,8})*"
_ISO_639_1: Final = frozenset(
    re.findall(
        r"\w+",
        """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st
    su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    in iw ji jw mo sh
    """,
    )
)
"""The codes of two letters; in the last line those that were withdrawn and are still written (``jw`` by Whisper)."""
_ANY: Final = frozenset({"any", "auto", "autodetect", "automatic", "default", "detect", "mul", "multi", "und"})
"""What clients write where the language is to be found out, which it always is."""


def _named(value: Any) -> Any:
    """None for words that leave the language open."""
    if isinstance(value, str):
        value = value.strip()
        return None if re.sub(r"[-_ ]", "", value).lower() in _ANY else value
    return value


def _checked(tag: str) -> str:
    language = re.split("[-_]", tag)[0].lower()
    if not re.fullmatch(_TAG, tag) or (len(language) == 2 and language not in _ISO_639_1):
        raise ValueError("this is not a language; write it as in ISO 639-1, such as en, or as a tag such as pt-BR")
    return tag


LanguageTag = Annotated[str, AfterValidator(_checked), WithJsonSchema({"type": "string", "pattern": f"^{_TAG}$"})]
"""A code of ISO 639 or a tag of BCP 47 that begins with one. Codes of two letters are looked up; longer ones and names
such as ``english`` only have to look like one."""
Language = Annotated[LanguageTag | None, BeforeValidator(_named)]
"""The same, or None for ``auto`` and the like."""


def without_any(tags: Any) -> Any:
    """A list of languages without those entries that leave the language open."""
    return [tag for tag in tags if _named(tag) is not None] if isinstance(tags, list) else tags
