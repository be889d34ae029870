"""What a stream takes of the KV cache, before it has heard anything."""

from __future__ import annotations

from model.seam.runner import StepRunner
from model.seam.streams import Priority, StreamSpec
from server.engine.budget import expected_tokens
from server.engine.errors import EngineError
from server.engine.messages import FailureCode


class Reservations:
    """By the runner's own prompts. ``largest``: positions that one stream can have."""

    def __init__(self, runner: StepRunner, largest: int) -> None:
        self._runner = runner
        self._largest = largest

    def worst(self, spec: StreamSpec) -> int:
        """Positions of the whole prompt and the longest answer.

        Raises EngineError (TOO_LONG) where no stream can have so many.
        """
        prompt = self._runner.prompt_positions(spec.frames, spec.question, system=spec.system)
        worst = prompt + spec.question.max_tokens
        if worst > self._largest:
            seconds = self._runner.info.geometry.seconds(spec.frames)
            raise EngineError(
                FailureCode.TOO_LONG,
                f"{seconds:.0f} s of audio with up to {spec.question.max_tokens} answer tokens "
                f"take {worst} positions, and this server has room for {self._largest}.",
            )
        return worst

    def expected(self, spec: StreamSpec, answered: int = 0) -> int | None:
        """Tokens that room is reserved for; None for those of the longest answer: live streams cannot wait for more.

        ``answered``: that were given before.
        """
        if spec.priority is Priority.LIVE:
            return None
        return expected_tokens(self._runner.info.geometry.seconds(spec.frames)) + answered
