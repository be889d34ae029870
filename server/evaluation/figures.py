"""All figures of one recording: what was said and what was told in, counts out that add up over recordings.

turns = [Turn("good morning", 0.0, 1.2, "ada"), Turn("hello", 1.5, 2.0, "ben")]
figures = evaluate(Reference(turns), told, Rules(language="en"))
figures.words.rate, figures.diarization.rate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from server.evaluation.attribution import permuted_errors, timed_permuted_errors
from server.evaluation.boundaries import boundary_errors
from server.evaluation.diarization import Diarization, diarization_errors
from server.evaluation.edits import Edits, character_edits, word_edits
from server.evaluation.normalising import Normaliser, Unit
from server.evaluation.rules import Rules
from server.evaluation.turns import Reference, Turn, are_attributed, are_timed, in_order
from server.transcript.tags import are_tags


@dataclass(frozen=True, slots=True)
class Speakers:
    """How many there are."""

    said: int
    told: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one recording. What the reference says nothing about is None.

    Attributes:
        language: by which texts were compared.
        unit: what ``words`` of cpWER and tcpWER are.
        words: WER; None too in languages without spaces.
        characters: CER.
        attributed: cpWER.
        timed: tcpWER.
        diarization: DER.
        speakers: how many there are.
        boundaries: errors of starts and ends in seconds.
    """

    language: str | None
    unit: Unit
    words: Edits | None = None
    characters: Edits | None = None
    attributed: Edits | None = None
    timed: Edits | None = None
    diarization: Diarization | None = None
    speakers: Speakers | None = None
    boundaries: tuple[float, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Figures:
        """Of `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
        edits = {name: _made(Edits, body[name]) for name in ("words", "characters", "attributed", "timed")}
        return cls(
            body["language"],
            Unit(body["unit"]),
            diarization=_made(Diarization, body["diarization"]),
            speakers=_made(Speakers, body["speakers"]),
            boundaries=None if body["boundaries"] is None else tuple(map(float, body["boundaries"])),
            **edits,
        )


def evaluate(reference: Reference, told: Sequence[Turn], rules: Rules | None = None) -> Figures:
    """Everything that the reference lets one say. Sounds such as ``[Music]`` are nothing that anybody says.

    Where nobody says a word, all words of the transcript are made up; only speakers and times tell nothing of words.

    Order, where turns overlap, is that of their starts; the field's WER has no better one, cpWER needs none.
    """
    rules = rules or Rules()
    said, heard = _spoken(reference.turns), _spoken(told)
    text = " ".join(turn.text for turn in said)
    normaliser = Normaliser.found_in(text) if rules.language is None else Normaliser.of(rules.language)
    figures: dict[str, Any] = {}
    if said or reference.speech is None:
        figures |= _of_words(said, heard, normaliser, rules)
    speech = said if reference.speech is None else reference.speech
    if are_timed(speech) and are_attributed(speech):
        figures["diarization"] = diarization_errors(speech, heard, rules.collar)
    if are_attributed(speech):
        figures["speakers"] = Speakers(len({turn.speaker for turn in speech}), len({turn.speaker for turn in heard}))
    return Figures(normaliser.language, normaliser.unit, **figures)


def _of_words(said: Sequence[Turn], told: Sequence[Turn], normaliser: Normaliser, rules: Rules) -> dict[str, Any]:
    figures: dict[str, Any] = {"characters": character_edits(_text(said, normaliser), _text(told, normaliser))}
    if normaliser.unit is Unit.WORD:
        figures["words"] = word_edits(_units(said, normaliser), _units(told, normaliser))
    if are_attributed(said):
        figures["attributed"] = permuted_errors(said, told, normaliser)
    if are_timed(said):
        figures["boundaries"] = boundary_errors(said, told)
        if are_attributed(said):
            figures["timed"] = timed_permuted_errors(said, told, normaliser, rules.word_collar)
    return figures


def _spoken(turns: Sequence[Turn]) -> list[Turn]:
    """In order, without what is no speech."""
    return [turn for turn in in_order(turns) if not are_tags(turn.text.strip())]


def _units(turns: Sequence[Turn], normaliser: Normaliser) -> list[str]:
    return [unit for turn in turns for unit in normaliser.units(turn.text)]


def _text(turns: Sequence[Turn], normaliser: Normaliser) -> str:
    joint = " " if normaliser.unit is Unit.WORD else ""
    return joint.join(text for turn in turns if (text := normaliser.text(turn.text)))


def _made(kind: type[Any], body: Mapping[str, Any] | None) -> Any:
    return None if body is None else kind(**body)
