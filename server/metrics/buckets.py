"""Bounds of the histograms; those of what the worker counts are its own (`server.engine.figures`)."""

from __future__ import annotations

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Of what a request waits for, up to hours of audio."""
LIVE_SECONDS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60)
"""Of what somebody waits for who is speaking: fine where it is still good."""
REAL_TIME_FACTORS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
JOB_SECONDS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
"""Of what nobody waits for."""
AUDIO_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 5400)
