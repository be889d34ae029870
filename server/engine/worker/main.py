"""The worker process: loads the checkpoint, owns the device, runs the step loop until it is told to stop.

It lives no longer than the process that started it and decides nothing about its own end: signals that ask for it are
left to the parent, which drains its requests first. Terminals send theirs to the whole process group, systemd to all
processes of the service.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from model.errors import StartError
from model.seam.runner import StepRunner
from server.engine.blackbox import BlackBox
from server.engine.messages import StopWorker, ToClient, WorkerFailed, WorkerReady
from server.engine.settings import EngineSettings
from server.engine.worker.device_memory import device_memory
from server.engine.worker.heap import keep_trimmed
from server.engine.worker.inbox import Inbox
from server.engine.worker.load import RunnerFactory, check_segments, explain_failed_start, may_pass, warm_up
from server.engine.worker.loop import StepLoop
from server.engine.worker.pace import Pace
from server.logs import configure_logging

logger = logging.getLogger(__name__)


BEATS = 15
"""Signs of life in the time after which a silent worker is killed."""
_LEAST_BEAT, _LONGEST_BEAT = 0.02, 1.0
_MORE_LIKELY = 0.5
"""Part of the way from the parent's place to the first in the kernel's list of whom to kill when memory runs out."""


def run_worker(pipe: Connection, factory: RunnerFactory, settings: EngineSettings, box: BlackBox) -> None:
    """Entry point of the process. ``pipe`` carries one ToWorker message or a tuple of ToClient messages at a time.

    ``box``: signs of life, and what is in work, for whoever started the process.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    configure_logging(settings.log_level, settings.log_format)
    inbox = Inbox()
    _be_killed_first()
    Thread(target=_exit_with_parent, name="parent-watch", daemon=True).start()
    Thread(target=_read, args=(pipe, inbox), name="pipe-reader", daemon=True).start()
    try:
        runner = factory()
        check_segments(runner.info, settings)
        warm_up(runner)
        settings = replace(settings, steps=settings.steps.within(runner.info.largest_step))
        pace = _slow_steps(runner, settings)
    except Exception as error:
        told = explain_failed_start(error)
        # What an operator can mend is told in one line, which the client logs; the rest is for whoever mends the code.
        expected = isinstance(told, StartError)
        logger.log(logging.DEBUG if expected else logging.ERROR, "the model could not be loaded", exc_info=True)
        _give_up(
            pipe, str(told) if expected else f"The model could not be loaded: {error}", permanent=not may_pass(told)
        )
    keep_trimmed()
    Thread(target=_beat, args=(box, settings.worker_timeout), name="heartbeat", daemon=True).start()
    _send(pipe, (WorkerReady(runner.info),))
    loop = StepLoop(
        runner,
        settings,
        receive=inbox.take,
        send=lambda messages: _send(pipe, messages),
        clock=monotonic,
        out_of_memory=out_of_memory_types(),
        box=box,
        pace=pace,
        memory=device_memory(runner.info.device),
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


def _be_killed_first() -> None:
    """The kernel, short of memory, shall take this process and not its parent, which can have another one."""
    with suppress(OSError, ValueError):  # not everywhere is there such a list
        place = Path("/proc/self/oom_score_adj")
        parents = int(place.read_text())
        place.write_text(str(parents + round(_MORE_LIKELY * (1000 - parents))))


def _beat(box: BlackBox, timeout: float) -> None:
    """Thread: the process lives, also while a step takes long."""
    never = Event()
    while not never.wait(min(max(timeout / BEATS, _LEAST_BEAT), _LONGEST_BEAT)):
        box.beat()


def _slow_steps(runner: StepRunner, settings: EngineSettings) -> Pace | None:
    """What a CPU needs, whose steps may take long; on other devices every step is short."""
    if runner.info.device != "cpu":
        return None
    pace = Pace(settings)
    pace.begin(*warm_up(runner))  # once more: the first time was also that of reading the weights
    return pace


def _send(pipe: Connection, messages: Sequence[ToClient]) -> None:
    try:
        pipe.send(tuple(messages))
    except (BrokenPipeError, ConnectionResetError):
        raise SystemExit(1) from None  # nobody is left to answer


def _give_up(pipe: Connection, message: str, *, permanent: bool) -> None:
    _send(pipe, (WorkerFailed(message, permanent),))
    raise SystemExit(1)


def out_of_memory_types() -> tuple[type[Exception], ...]:
    """MemoryError, and torch's own where the runner brought torch in; a scripted one does not."""
    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
