"""What a GPU's memory is shared out to, and what the encoders really need of it."""

from __future__ import annotations

import torch

from bench.memory import PeakMemory
from bench.random_model import full_size, without_memory
from model.memory import GPU_SHARE, encode_the_most, positions_beside


def test_pages_get_their_share_of_what_the_encoders_leave() -> None:
    assert positions_beside(1000, 200, 10) == int(800 * GPU_SHARE) // 10


def test_there_may_be_nothing_left() -> None:
    assert positions_beside(200, 200, 10) == 0
    assert positions_beside(-5, 200, 10) == 0


def test_the_encoders_keep_nothing_alive_that_they_are_done_with() -> None:
    """The widest layer of 60 seconds is 92 MB, four times that inside a feed-forward; weights rearranged are 180 MB."""
    model = without_memory(full_size())
    with PeakMemory() as memory:
        encode_the_most(model)
    assert 0.9e9 < memory.peak < 1.1e9


def test_the_peak_is_of_what_lives_at_the_same_time() -> None:
    with PeakMemory() as memory:
        first = torch.zeros(100)
        view = first[:50]
        del first
        torch.zeros(200)
        assert memory.peak == 1200
        del view
        torch.zeros(250)
        assert memory.peak == 1200
        torch.zeros(400)
        assert memory.peak == 1600
