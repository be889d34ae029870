"""What a runner would be is what it then is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import StartError
from model.start import foresee, load_runner


@pytest.mark.parametrize("positions", [None, 4096])
def test_a_runner_is_what_was_foreseen(positions: int | None) -> None:
    foreseen = foresee("tiny", device="cpu", kv_positions=positions)
    runner = load_runner("tiny", device="cpu", kv_positions=positions)
    assert replace(runner.info, stop_ids=frozenset()) == foreseen.info
    assert foreseen.plan is None, "the host's memory is not shared out"


def test_what_cannot_be_loaded_cannot_be_foreseen() -> None:
    with pytest.raises(StartError, match="no CUDA device"):
        foresee("tiny", device="cuda:7")
