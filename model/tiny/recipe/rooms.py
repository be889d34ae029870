"""Impulse responses of rooms, from walls that reflect: `python -m model.tiny.recipe.rooms` makes them, once.

Needs the package pyroomacoustics; training reads the file.
"""
# ruff: noqa: S311, T201 - chance here is for variety, not for secrets

import argparse
import random
from pathlib import Path

import numpy as np

from .sounds import Samples
from .speech.utterance import SAMPLE_RATE

_PLACES = 3
_SECONDS = 0.5


def _room(rng: random.Random) -> list[Samples]:
    """A room with one microphone: what it hears of a click at each of three places, the direct sound first."""
    import pyroomacoustics

    size = rng.uniform(2.5, 10), rng.uniform(2.2, 8), rng.uniform(2.3, 3.6)
    while True:
        try:
            absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.12, 0.6), size)
            break
        except ValueError:  # a large room cannot be that dull
            continue
    room = pyroomacoustics.ShoeBox(
        size, SAMPLE_RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 17)
    )
    microphone = [rng.uniform(0.5, length - 0.5) for length in size]
    room.add_microphone(microphone)
    for _ in range(_PLACES):
        away = 10 ** rng.uniform(-0.7, 0.5)  # metres
        angle = rng.uniform(0, 2 * np.pi)
        place = microphone[0] + away * np.cos(angle), microphone[1] + away * np.sin(angle), rng.uniform(1.1, 1.8)
        room.add_source([float(np.clip(at, 0.2, length - 0.2)) for at, length in zip(place, size, strict=True)])
    room.compute_rir()
    return [_from_direct_sound(response) for response in room.rir[0]]


def _from_direct_sound(response: Samples) -> Samples:
    start = max(0, int(np.argmax(np.abs(response) > 0.3 * np.abs(response).max())) - 8)
    kept = np.asarray(response[start : start + round(_SECONDS * SAMPLE_RATE)], np.float32)
    return np.asarray(kept / np.sqrt(np.sum(kept**2)), np.float32)


def load(path: Path) -> list[list[Samples]]:
    """The rooms that `main` made; [] where there is no such file."""
    if not path.exists():
        return []
    kept = np.load(path)
    return [list(room) for room in np.asarray(kept, np.float32)]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny"))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    made = np.zeros((options.rooms, _PLACES, round(_SECONDS * SAMPLE_RATE)), np.float16)
    for number in range(options.rooms):
        for place, response in enumerate(_room(rng)):
            made[number, place, : len(response)] = response
    options.work.mkdir(parents=True, exist_ok=True)
    np.save(options.work / "rooms.npy", made)
    print(f"{options.rooms} rooms")


if __name__ == "__main__":
    main()
