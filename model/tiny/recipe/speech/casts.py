"""Who speaks in training and who in tests: voices of all families, and the banks of them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]

from ..vocabulary import WORDS
from . import espeak, kokoro
from .bank import Bank, fill, kept
from .script import said_by
from .speaker import Speaker
from .utterance import Utterance
from .voices import Voice

LEARNED = (
    Speaker("flite", "awb"), Speaker("flite", "slt"), Speaker("flite", "kal16"), Speaker("festival", "kal_diphone"),
    Speaker("festival", "cmu_us_slt_arctic_hts"),
)  # fmt: skip
HELD_OUT = Speaker("flite", "rms"), Speaker("festival", "ked_diphone")
"""Two of the five people that flite and festival have: kal and slt are in both programs."""

SHARES = {"kokoro": 0.44, "espeak-ng": 0.31, "festival": 0.25}
"""How often somebody in a training recording has a voice of each family."""

_SHIFTS = {"kokoro": (1.0, 0.93, 1.08), "festival": (1.0, 0.86, 0.93, 1.07, 1.15)}
"""Each recorded speaker stands for so many: resampled by a factor, throats are longer and pitch is lower."""


def name_of(speaker: Speaker) -> str:
    """Under which what he says is kept, at every pace."""
    return f"{speaker.program} {speaker.name}"


def training_bank(work: Path, espeak_voices: int, seed: int, processes: int = 2) -> Bank:
    """All voices to learn from, made now from the speech in `work` unless the bank is there already."""
    recorded = [
        *_recorded("train", "kokoro", _speakers(work / "speech" / "kokoro", without=kokoro.HELD_OUT)),
        *_recorded("train", "festival", map(name_of, LEARNED)),
    ]
    voices = espeak.training_voices(espeak_voices, seed)
    if bank := kept(work / "training", [*recorded, *voices]):
        return bank
    with get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
        said = chain(
            zip(recorded, pool.imap(partial(_said, work / "speech"), recorded), strict=True),
            zip(voices, pool.imap(partial(espeak.say_all, WORDS), voices), strict=True),
        )
        return fill(work / "training", tqdm(said, total=len(recorded) + len(voices), desc="bank", unit="voice"))


def held_out_bank(work: Path) -> Bank | None:
    """Kokoro's, flite's and festival's voices that training never hears; None where their speech was not made."""
    folder, speech = work / "held_out_people", work / "speech"
    voices = [
        *_recorded("kokoro", "kokoro", kokoro.HELD_OUT, shifts=False),
        *_recorded("festival", "festival", map(name_of, HELD_OUT), shifts=False),
    ]
    if bank := kept(folder, voices):
        return bank
    if not all(any((speech / voice.family).glob(f"{voice.name}*")) for voice in voices):
        return None
    return fill(folder, ((voice, _said(speech, voice)) for voice in voices))


def pool(bank: Bank) -> list[int]:
    """The bank's voices, each as often as the shares of the families want it."""
    of: dict[str, list[int]] = {}
    for number, voice in enumerate(bank.voices):
        of.setdefault(voice.family, []).append(number)
    shares = {family: SHARES[family] / len(members) for family, members in of.items()}
    least = min(shares.values())
    return [number for family, members in of.items() for number in members * round(shares[family] / least)]


def _speakers(folder: Path, without: Sequence[str]) -> list[str]:
    """Those of whom something was made."""
    return sorted({path.name.rpartition("-")[0] for path in folder.glob("*.npz")} - {*without})


def _recorded(group: str, family: str, names: Iterable[str], *, shifts: bool = True) -> Iterator[Voice]:
    for name in names:
        for shift in _SHIFTS[family] if shifts else (1.0,):
            yield Voice(group, name, resample=shift, family=family)


def _said(speech: Path, voice: Voice) -> list[Utterance]:
    """All that was made of a speaker, at every pace, with the voice's shift."""
    said: Iterable[Utterance] = said_by(speech / voice.family, voice.name)
    return [one if voice.resample == 1.0 else one.resampled(voice.resample) for one in said]
