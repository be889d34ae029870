"""Weights of fewer bits, on the decoder's linear maps alone.

Encoders, projector, token embedding and head stay as they are: encoders of four bits hear all speakers as one.
``formats`` says what runs where, ``linears`` computes, ``conversion`` makes them from a checkpoint at load, layer by
layer, and ``stored`` reads checkpoints that were published quantised.
"""

from model.quantised.conversion import quantise
from model.quantised.formats import choose_format

__all__ = ["choose_format", "quantise"]
