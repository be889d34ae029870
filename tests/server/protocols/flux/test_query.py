"""The query of ``/v2/listen``, and what ``Configure`` changes of it."""

from __future__ import annotations

from typing import Any

import pytest

from server.audio_in.encodings import PcmEncoding
from server.context import ContextTooLong
from server.protocols.deepgram.alternatives import Passage
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.flux.configuration import Configuration
from server.protocols.flux.end_of_turn import Thresholds
from server.protocols.flux.query import FluxQuery
from server.transcript.segments import Segment

PASSAGE = Passage.of(Segment(0, 0.0, 1.0, 0, "It is twenty two."))


def parse(query: str) -> FluxQuery:
    return FluxQuery.parse(tuple(part.partition("=")[::2]) for part in query.split("&") if part)  # type: ignore[misc]


def configuration(query: str = "") -> Configuration:
    return Configuration.of(parse(query))


def test_the_defaults_are_those_of_flux() -> None:
    query = parse("model=flux-general-en")
    assert query.thresholds == Thresholds(0.7, None, 5000)
    assert (query.encoding, query.keyterm, query.language_hint) == (None, (), ())


def test_what_clients_send() -> None:
    query = parse(
        "model=flux-general-multi&sample_rate=16000&encoding=linear16&eager_eot_threshold=0.5&eot_threshold=0.8"
        "&eot_timeout_ms=3000&keyterm=one two&keyterm=three&language_hint=de&language_hint=en&mip_opt_out=false"
        "&tag=a&tag=b&numerals=false&profanity_filter=false&whatever=1"
    )
    assert (query.encoding, query.sample_rate) == (PcmEncoding.LINEAR16, 16_000)
    assert query.thresholds == Thresholds(0.8, 0.5, 3000)
    assert (query.keyterm, query.language_hint) == (("one two", "three"), ("de", "en"))


def test_empty_means_absent() -> None:
    assert parse("encoding=&eot_threshold=&eager_eot_threshold=&keyterm=&language_hint=&language_hint= ") == parse("")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("eot_threshold=0.4", "eot_threshold"),
        ("eot_threshold=1.1", "eot_threshold"),
        ("eot_threshold=nan", "eot_threshold"),
        ("eager_eot_threshold=0.2", "eager_eot_threshold"),
        ("eager_eot_threshold=0.95&eot_threshold=1", "eager_eot_threshold"),
        ("eager_eot_threshold=0.8", "eager_eot_threshold"),
        ("eot_timeout_ms=499", "eot_timeout_ms"),
        ("eot_timeout_ms=60001", "eot_timeout_ms"),
        ("eot_timeout_ms=soon", "eot_timeout_ms"),
        ("encoding=linear16", "sample_rate"),
        ("encoding=mp3&sample_rate=48000", "encoding"),
        ("numerals=maybe", "numerals"),
        ("encoding=linear16&sample_rate=1", "sample_rate"),
        ("redact=numbers", "redact"),
        ("keyterm=" + "x" * 20_000, "keyterm"),
    ],
)
def test_what_makes_no_sense_is_named(query: str, named: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse(query)
    assert named in caught.value.message
    assert caught.value.message.isascii()


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, Thresholds(0.8, 0.5, 3000)),
        ({"thresholds": {}}, Thresholds(0.8, 0.5, 3000)),
        ({"thresholds": {"eot_threshold": 0.9}}, Thresholds(0.9, 0.5, 3000)),
        ({"thresholds": {"eot_threshold": "0.9"}}, Thresholds(0.9, 0.5, 3000)),
        ({"thresholds": {"eager_eot_threshold": None}}, Thresholds(0.8, None, 3000)),
        ({"thresholds": {"eot_threshold": None, "eot_timeout_ms": None}}, Thresholds(0.7, 0.5, 5000)),
        ({"thresholds": None}, Thresholds()),
    ],
)
def test_thresholds_that_are_not_named_stay_and_null_puts_the_default_back(
    fields: dict[str, Any], changed: Thresholds
) -> None:
    old = configuration("eot_threshold=0.8&eager_eot_threshold=0.5&eot_timeout_ms=3000&keyterm=a")
    new = old.updated({"type": "Configure", **fields})
    assert (new.thresholds, new.keyterms) == (changed, ("a",))


@pytest.mark.parametrize(("given", "held"), [(["b", "c"], ("b", "c")), ("b", ("b",)), ([], ()), (None, ()), ("", ())])
def test_lists_are_replaced(given: object, held: tuple[str, ...]) -> None:
    new = configuration("keyterm=a&language_hint=de").updated({"keyterms": given})
    assert (new.keyterms, new.language_hints) == (held, ("de",))
    assert configuration("language_hint=de").updated({"language_hints": given}).language_hints == held


@pytest.mark.parametrize(
    "fields",
    [
        {"thresholds": {"eot_threshold": 0.1}},
        {"thresholds": {"eager_eot_threshold": 0.75}},
        {"thresholds": "high"},
        {"keyterms": [1, {}]},
        {"keyterms": {"a": 1}},
        {"language_hints": 3},
        {"redact": "numbers"},
        {"numerals": "maybe"},
    ],
)
def test_a_configuration_that_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        configuration().updated(fields)


def test_too_many_key_terms() -> None:
    with pytest.raises(ContextTooLong):
        configuration().updated({"keyterms": ["x" * 20_000]})


def test_words_are_changed_as_they_are_on_the_other_path() -> None:
    query = parse("model=flux-general-en&numerals=true&profanity_filter=true")
    (changed,) = Configuration.of(query).wording.passages([PASSAGE])
    assert changed.text == "It is 22."
    plain = Configuration.of(query).updated({"numerals": None})
    assert plain.wording.passages([PASSAGE]) == [PASSAGE]
    assert plain.profanity_filter
