"""How VibeVoice-ASR cuts audio into frames: 7.5 a second. No torch."""

from __future__ import annotations

from model.family.geometry import Geometry

HOP = 3_200
"""Samples per frame: the product of its encoders' downsampling ratios."""

GEOMETRY = Geometry(sample_rate=24_000, hop=HOP)
