"""How much is guessed at most, as far as others have to keep room for it. No torch."""

from __future__ import annotations

DRAFT_POSITIONS = 24
"""Longest guess at how an answer goes on; positions that a stream needs for a moment to verify it."""

MOST_GUESSED = 512
"""Guessed places of one step over all rows. They are scored beside the others and would need gigabytes of logits."""
