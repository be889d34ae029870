"""Factories of runners with which a worker does not get as far as its first answer."""

from __future__ import annotations

from model.errors import CheckpointError
from model.seam.steps import PendingStep, StepPlan
from tests.support.scripted_runner import ScriptedRunner


def refuse_to_load() -> ScriptedRunner:
    """A factory for a checkpoint that is no checkpoint."""
    raise ValueError("there is no such checkpoint")


def lose_the_device() -> ScriptedRunner:
    """A factory that finds the device busy."""
    raise RuntimeError("the device is busy")


def miss_a_checkpoint() -> ScriptedRunner:
    """A factory whose checkpoint lacks a file: an error for the operator, and for good."""
    raise CheckpointError("Checkpoint /models/x is incomplete: tokenizer.json missing.")


def find_a_busy_hub() -> ScriptedRunner:
    """A factory whose hub has no time: an error for the operator that may pass."""
    raise CheckpointError("The hub is busy (503 for 'some/where').", permanent=False)


class CrampedRunner(ScriptedRunner):
    """Has no memory for a step, as torch says it."""

    def launch(self, plan: StepPlan) -> PendingStep:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB.\nSee the documentation.")
