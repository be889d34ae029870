"""The model as the worker gets it: loaded, told apart from what an operator can mend, and warm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import DeviceMemoryError, StartError, is_out_of_memory
from model.family import Family
from model.seam.adapters import NamedAdapter
from model.seam.audio import Level
from model.seam.runner import AttentionName, RunnerInfo, StepRunner, WeightsName
from model.seam.steps import DEFAULT_STEPS, EncodeWork, RowWork, StepPlan, StepSizes
from model.seam.streams import Question
from server.engine.budget import context_limit, live_positions, pass_positions, pass_seconds
from server.engine.segments import UnevenSegment, segment_frames
from server.engine.settings import EngineSettings
from server.engine.worker.shortage import shortage

if TYPE_CHECKING:
    from model.start import Prospect, RoomOf

RunnerFactory = Callable[[], StepRunner]
"""Makes the runner, in the worker. Has to pickle: ``functools.partial(load_model, wishes)`` in earnest."""


@dataclass(frozen=True, slots=True)
class ModelWishes:
    """Which model, and what there is to be room for.

    Attributes:
        source: hub id, folder, or ``tiny``.
        device, dtype, weights, revision, kv_positions, attention, deterministic, adapters: see
            ``model.start.load_runner``.
        steps: the largest step there has to be room for.
        min_audio_seconds: what a GPU has to hold in one pass.
        max_audio_seconds: what it should, at the cost of speed.
        live_seconds: of a live session's window.
    """

    source: str
    _: KW_ONLY
    device: str = "auto"
    dtype: str = "auto"
    weights: WeightsName = "auto"
    revision: str | None = None
    kv_positions: int | None = None
    steps: StepSizes = DEFAULT_STEPS
    min_audio_seconds: float = 300.0
    max_audio_seconds: float = 3600.0
    live_seconds: float = 0.0
    attention: AttentionName = "auto"
    deterministic: bool = False
    adapters: Sequence[NamedAdapter] = ()

    def of_start(self) -> dict[str, Any]:
        """What ``model.start`` is given beside the source."""
        return {
            "device": self.device,
            "dtype": self.dtype,
            "weights": self.weights,
            "revision": self.revision,
            "kv_positions": self.kv_positions,
            "room": _room_for(self),
            "attention": self.attention,
            "deterministic": self.deterministic,
            "adapters": self.adapters,
        }


def load_model(wishes: ModelWishes) -> StepRunner:
    """The real runner; see ``model.start.load_runner``.

    Raises StartError: NotEnoughMemoryError that tells what helps, and also where ``kv_positions`` are asked for that
    hold less than the least, or where the checkpoint itself does.

    torch is imported here, when the worker calls, so that the API process can name this function without it.
    """
    from model.start import load_runner

    runner = load_runner(wishes.source, **wishes.of_start())
    check_room(runner.info, min_audio_seconds=wishes.min_audio_seconds, live_seconds=wishes.live_seconds)
    return runner


def foresee_model(wishes: ModelWishes) -> Prospect:
    """What `load_model` would load, without a weight. Raises StartError as it does."""
    from model.start import foresee

    prospect = foresee(wishes.source, **wishes.of_start())
    check_room(prospect.info, min_audio_seconds=wishes.min_audio_seconds, live_seconds=wishes.live_seconds)
    return prospect


def check_segments(info: RunnerInfo, settings: EngineSettings) -> None:
    """Raise StartError where the encoders cannot take audio in the parts that the settings want."""
    if settings.segment_seconds is None:
        return
    try:
        segment_frames(info.geometry, settings.segment_seconds)
    except UnevenSegment as error:
        raise StartError(f"--streaming-segment-duration: {error.message}") from None


def _room_for(wishes: ModelWishes) -> RoomOf:
    """What there has to be room for, in positions of the family that a checkpoint turns out to be of."""
    from model.start import Room

    kv_positions, min_audio_seconds = wishes.kv_positions, wishes.min_audio_seconds

    def room(family: Family) -> Room:
        """Raises StartError where ``kv_positions`` hold less."""
        least = pass_positions(family, min_audio_seconds)
        if kv_positions is not None and kv_positions < least:
            raise StartError(
                f"--kv-positions {kv_positions} hold less than --min-audio-minutes {min_audio_seconds / 60:g} in one "
                f"pass, which takes {least}: give more of the one or less of the other."
            )
        return Room(
            wishes.steps,
            least=least,
            wanted=pass_positions(family, wishes.max_audio_seconds),
            explain=partial(shortage, family=family, min_audio_seconds=min_audio_seconds),
        )

    return room


def check_room(info: RunnerInfo, *, min_audio_seconds: float, live_seconds: float) -> None:
    """Raise StartError where a runner that is loaded has no useful room, by its pages or the checkpoint's positions."""
    held, limit = pass_seconds(info.family, context_limit(info)), context_limit(info)
    why = f"the checkpoint {info.checkpoint} and its KV cache hold {limit} positions"
    if held < min_audio_seconds:
        raise StartError(
            f"--min-audio-minutes asks for {min_audio_seconds / 60:g} minutes of audio in one pass, and {why}, which "
            f"are {held / 60:.1f}: give more --kv-positions or fewer minutes."
        )
    if (needed := live_positions(info, live_seconds)) > limit:
        raise StartError(
            f"--live-window-seconds {live_seconds:g} take {needed} positions, and {why}: give shorter windows or more "
            "--kv-positions."
        )


def explain_failed_start(error: Exception) -> Exception:
    """The error, or in its place one for the operator's eyes where memory ran out after everything was loaded."""
    if isinstance(error, StartError) or not is_out_of_memory(error):
        return error
    reason = str(error).partition("\n")[0]
    return DeviceMemoryError(
        f"There is no memory left for the first step ({reason}): quantise the weights (--weights nf4), cache less "
        "(--kv-positions) or take smaller steps (--max-rows, --prefill-positions)."
    )


def may_pass(error: Exception) -> bool:
    """Whether loading may succeed another time: hub, device or disk were busy, not the settings wrong."""
    if isinstance(error, StartError):
        return not error.permanent
    return isinstance(error, (RuntimeError, OSError)) and not isinstance(error, NotImplementedError)


def warm_up(runner: StepRunner) -> tuple[StepPlan, float]:
    """Answer a second of silence, so that the first request does not pay for what the device sets up lazily.

    A device that cannot do even that is found out before anybody is told that the worker is ready. Returns the step
    that computed most, and its seconds.
    """
    stream = 0  # the client counts from 1
    runner.open(stream, Level())
    runner.append(stream, np.zeros(runner.info.geometry.sample_rate, dtype=np.float32))
    runner.pad(stream)
    counts = runner.counts(stream)
    rows = (RowWork(stream, counts.queued),) if counts.queued else ()
    _step(runner, StepPlan(encode=(EncodeWork(stream, counts.waiting),), rows=rows))
    runner.ask(stream, Question(max_tokens=2))
    most = StepPlan(rows=(RowWork(stream, runner.counts(stream).queued),))
    seconds = _step(runner, most)
    _step(runner, StepPlan(rows=(RowWork(stream, 1),)))
    runner.release(stream)
    return most, seconds


def _step(runner: StepRunner, plan: StepPlan) -> float:
    """Returns the seconds that it took."""
    began = monotonic()
    pending = runner.launch(plan)
    pending.read()
    if pending.failed:
        raise MemoryError("the device has no memory left for a second of audio")
    return monotonic() - began
