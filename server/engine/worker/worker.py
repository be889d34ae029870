"""The worker process: loads the checkpoint, owns the device, runs the step loop until it is told to stop.

It lives no longer than the process that started it and decides nothing about its own end: SIGINT goes to the whole
terminal's process group and is left to the parent, which drains its requests first.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from threading import Lock, Thread
from time import monotonic

import numpy as np

from model.errors import DeviceMemoryError, StartError, is_out_of_memory
from model.seam.audio import HOP
from model.seam.steps import (
    DEFAULT_STEPS,
    AttentionName,
    EncodeWork,
    RowWork,
    StepPlan,
    StepRunner,
    StepSizes,
    StreamSpec,
    WeightsName,
)
from server.engine.budget import pass_positions
from server.engine.messages import StepRuns, StopWorker, ToClient, WorkerFailed, WorkerReady
from server.engine.settings import EngineSettings
from server.engine.worker.heap import keep_trimmed
from server.engine.worker.inbox import Inbox
from server.engine.worker.loop import StepLoop
from server.engine.worker.pace import Pace
from server.engine.worker.pulse import Pulse
from server.engine.worker.shortage import shortage
from server.logs import configure_logging

logger = logging.getLogger(__name__)

RunnerFactory = Callable[[], StepRunner]
"""Makes the runner, in the worker. Has to pickle: ``functools.partial(load_model, ...)`` in earnest."""


def load_model(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
    kv_positions: int | None = None,
    steps: StepSizes = DEFAULT_STEPS,
    min_audio_seconds: float = 300.0,
    max_audio_seconds: float = 3600.0,
    attention: AttentionName = "auto",
    deterministic: bool = False,
    threads: int | None = None,
) -> StepRunner:
    """The real runner; see ``model.start.load_runner``. ``threads``: of torch on the CPU, None for its own choice.

    ``steps``: the largest step there has to be room for. ``min_audio_seconds``: what a GPU has to hold in one pass;
    ``max_audio_seconds``: what it should, at the cost of speed. Raises StartError: NotEnoughMemoryError that tells what
    helps, and also where ``kv_positions`` are asked for that hold less than the least.

    torch is imported here, when the worker calls, so that the API process can name this function without it.
    """
    least = pass_positions(min_audio_seconds)
    if kv_positions is not None and kv_positions < least:
        raise StartError(
            f"--kv-positions {kv_positions} hold less than --min-audio-minutes {min_audio_seconds / 60:g} in one pass, "
            f"which takes {least}: give more of the one or less of the other."
        )
    import torch

    from model.memory.plan import NotEnoughMemoryError
    from model.start import Room, load_runner

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        return load_runner(
            source,
            device=device,
            dtype=dtype,
            weights=weights,
            revision=revision,
            kv_positions=kv_positions,
            room=Room(steps, least=least, wanted=pass_positions(max_audio_seconds)),
            attention=attention,
            deterministic=deterministic,
        )
    except NotEnoughMemoryError as error:
        raise type(error)(error.plan, error.positions, error.with_weights, shortage(error, min_audio_seconds)) from None


def run_worker(pipe: Connection, factory: RunnerFactory, settings: EngineSettings) -> None:
    """Entry point of the process. ``pipe`` carries one ToWorker message or a tuple of ToClient messages at a time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logging(settings.log_level, settings.log_format)
    inbox = Inbox()
    Thread(target=_exit_with_parent, name="parent-watch", daemon=True).start()
    keep_trimmed()
    Thread(target=_read, args=(pipe, inbox), name="pipe-reader", daemon=True).start()
    try:
        runner = factory()
        _warm_up(runner)
        settings = settings.within(runner.info.largest_step)
        pulse, pace = _slow_steps(pipe, runner, settings)
    except Exception as error:
        told = explain_failed_start(error)
        # What an operator can mend is told in one line, which the client logs; the rest is for whoever mends the code.
        expected = isinstance(told, StartError)
        logger.log(logging.DEBUG if expected else logging.ERROR, "the model could not be loaded", exc_info=True)
        _give_up(
            pipe, str(told) if expected else f"The model could not be loaded: {error}", permanent=not _may_pass(told)
        )
    _send(pipe, (WorkerReady(runner.info),))
    loop = StepLoop(
        runner,
        settings,
        receive=inbox.take,
        send=lambda messages: _send(pipe, messages),
        clock=monotonic,
        out_of_memory=out_of_memory_types(),
        pulse=pulse,
        pace=pace,
    )
    try:
        loop.run()
    except Exception as error:
        logger.exception("the step loop failed")
        _give_up(pipe, f"The worker failed: {type(error).__name__}: {error}", permanent=False)


def _read(pipe: Connection, inbox: Inbox) -> None:
    """Thread: messages from the pipe into the inbox. The end of the pipe stops the worker."""
    try:
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        inbox.put(StopWorker())


def _exit_with_parent() -> None:
    """Thread: leave at once when the parent is gone, also out of a step that never ends."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _slow_steps(pipe: Connection, runner: StepRunner, settings: EngineSettings) -> tuple[Pulse | None, Pace | None]:
    """What a CPU needs, whose steps may take long; on other devices every step is short, and a long one is a fault."""
    if runner.info.device != "cpu":
        return None, None
    pace = Pace(settings)
    pace.begin(*_warm_up(runner))  # once more: the first time was also that of reading the weights
    interval = settings.heartbeat_timeout / 4
    pulse = Pulse(lambda step: _send(pipe, (StepRuns(step),)), interval=interval, patience=settings.step_patience)
    return pulse, pace


_sending = Lock()


def _send(pipe: Connection, messages: Sequence[ToClient]) -> None:
    try:
        with _sending:  # signs of life come from a thread of their own
            pipe.send(tuple(messages))
    except (BrokenPipeError, ConnectionResetError):
        raise SystemExit(1) from None  # nobody is left to answer


def _give_up(pipe: Connection, message: str, *, permanent: bool) -> None:
    _send(pipe, (WorkerFailed(message, permanent),))
    raise SystemExit(1)


def explain_failed_start(error: Exception) -> Exception:
    """The error, or in its place one for the operator's eyes where memory ran out after everything was loaded."""
    if isinstance(error, StartError) or not is_out_of_memory(error):
        return error
    reason = str(error).partition("\n")[0]
    return DeviceMemoryError(
        f"There is no memory left for the first step ({reason}): quantise the weights (--weights nf4), cache less "
        "(--kv-positions) or take smaller steps (--max-rows, --prefill-positions)."
    )


def _may_pass(error: Exception) -> bool:
    """Whether loading may succeed another time: hub, device or disk were busy, not the settings wrong."""
    if isinstance(error, StartError):
        return not error.permanent
    return isinstance(error, (RuntimeError, OSError)) and not isinstance(error, NotImplementedError)


def out_of_memory_types() -> tuple[type[Exception], ...]:
    """MemoryError, and torch's own where the runner brought torch in; a scripted one does not."""
    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)


def _warm_up(runner: StepRunner) -> tuple[StepPlan, float]:
    """Answer a second of silence, so that the first request does not pay for what the device sets up lazily.

    A device that cannot do even that is found out before anybody is told that the worker is ready. Returns the step
    that computed most, and its seconds.
    """
    stream = 0  # the client counts from 1
    queued = runner.open(stream, StreamSpec(max_answer_tokens=2))
    runner.append_audio(stream, np.zeros(8 * HOP, dtype=np.float32))
    frames = runner.finish_audio(stream)
    _step(runner, StepPlan(encode=(EncodeWork(stream, frames),), rows=(RowWork(stream, queued),)))
    most = StepPlan(rows=(RowWork(stream, runner.ask(stream).queued),))
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
