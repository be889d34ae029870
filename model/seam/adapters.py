"""Adapters beside the decoder's linear maps: what both those that learn them and those that serve them call things."""

from __future__ import annotations

from dataclasses import dataclass

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear maps of a decoder layer, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class NamedAdapter:
    """An adapter in peft's layout, and the model name that asks for it."""

    name: str
    folder: str
