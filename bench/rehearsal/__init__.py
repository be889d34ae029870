"""A CUDA card that is played on a machine without one, to run the project's own code for it: see ``fake_cuda``."""

from bench.rehearsal.card import GIB, Card, card_of
from bench.rehearsal.counts import Counts
from bench.rehearsal.fake_cuda import FakeCuda

__all__ = ["GIB", "Card", "Counts", "FakeCuda", "card_of"]
