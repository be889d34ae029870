"""Faults under load, round after round: what everybody else notices."""
