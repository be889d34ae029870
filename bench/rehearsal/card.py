"""The card that is played: what it is called, what it can do, and what of its memory no allocator shows."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30

CONTEXT = GIB // 2
"""Taken by the CUDA context and the kernels that torch has loaded; an assumption, cards differ by 0.2 GiB."""

WORKSPACES = 96 << 20
"""Taken by cuBLAS for its workspaces, one for each pair of handle and stream; an assumption."""

FRAGMENTATION = 0.01
"""Share of the memory that lies in gaps between blocks; an assumption, which a caching allocator may exceed."""

PAGEABLE_AT_ONCE = 64 << 10
"""Bytes of ordinary memory that the driver takes over before it returns ("API synchronization behavior" in NVIDIA's
guide); to copy more, it waits for what the stream has to do before."""


@dataclass(frozen=True, slots=True)
class Card:
    """``memory``: bytes, as ``get_device_properties`` tells them. ``capability``: compute capability."""

    name: str
    memory: int
    capability: tuple[int, int] = (8, 0)
    multiprocessors: int = 108

    @property
    def usable(self) -> int:
        """Bytes that an allocator can come by."""
        return int((self.memory - CONTEXT - WORKSPACES) * (1 - FRAGMENTATION))


def card_of(gigabytes: float, *, name: str = "", capability: tuple[int, int] = (8, 0)) -> Card:
    """A card as it is sold: of ``gigabytes`` of which 1.5 % are not for programs (ECC and the driver take them)."""
    return Card(name or f"{gigabytes:g} GB", int(gigabytes * GIB * 0.985), capability)
