"""A voice, whichever program speaks with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One way of speaking: to the training, one speaker.

    Attributes:
        group: "train", or the held-out group it belongs to.
        name: as its program knows it; espeak-ng's are accent+variant.
        pitch, speed, spread: espeak-ng's settings.
        resample: above 1, lower and slower.
        family: which program speaks.
    """

    group: str
    name: str
    pitch: int = 50
    speed: int = 160
    spread: int = 50
    resample: float = 1.0
    family: str = "espeak-ng"

    @property
    def timbre(self) -> str:
        """What tells two voices apart before pitch: the variant without its accent."""
        return self.name.partition("+")[2] or self.name
