"""The engine and its worker at the time of a scrape.

What the worker does is counted over all workers, as far as they told it: it never goes back when one dies. What there
is now is 0 without a worker.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from server.engine.capacity import Capacity
from server.engine.client.admission import Admission
from server.engine.client.shelf import Eviction, ShelfFigures
from server.engine.figures import DeviceMemory, LoopFigures, WorkDone
from server.engine.messages import WorkerStats
from server.metrics.families import counters, gauges, histogram, labelled_counter, labelled_gauge
from server.metrics.labels import LOOPS
from server.metrics.watched import Watched


class EngineCollector(Collector):
    """Reads the engine's present state and what was done so far."""

    def __init__(self, watched: Watched) -> None:
        self._engine = watched.engine

    def collect(self) -> Iterator[Metric]:
        engine = self._engine
        yield from _queue(engine.admission)
        yield from _now(engine.stats)
        yield from _work(engine.done)
        yield from counters(
            ("asr_worker_restarts", "Workers that died without having been asked to stop.", engine.restarts)
        )
        yield labelled_counter(
            "asr_worker_deaths", "The same by reason.", "reason", {why.value: n for why, n in engine.deaths.items()}
        )
        yield from _loops(engine.loops)
        yield from _kept(engine.shelf.figures)
        if engine.stats is not None and engine.stats.memory is not None:
            yield from device_memory(engine.stats.memory)
        if (capacity := engine.capacity) is not None:
            yield from _capacity(capacity)
        if (info := engine.info) is not None:
            described = {"model": info.checkpoint, "device": info.device, "dtype": info.dtype}
            yield InfoMetricFamily(
                "asr_model", "The loaded checkpoint and how it runs.", value=described | {"attention": info.attention}
            )


def _loops(loops: LoopFigures) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "asr_answer_loops",
        "Stretches in which an answer ran in circles, by what was repeated and what became of it.",
        labels=["kind", "outcome"],
    )
    for kind, outcome in LOOPS:
        family.add_metric([kind, outcome], float(loops.stretches[kind, outcome]))
    yield family
    yield from counters(
        ("asr_loop_tokens", "Answer tokens thrown away because the answer ran in circles.", loops.tokens)
    )


def _kept(figures: ShelfFigures) -> Iterator[Metric]:
    yield from counters(
        ("asr_kept_conversation_hits", "Turns whose recording had been heard, or was for another one.", figures.hits),
        ("asr_kept_conversation_misses", "Turns whose recording had to be heard.", figures.misses),
    )
    yield labelled_counter(
        "asr_kept_conversation_evictions",
        "Kept conversations that ended without another turn, by reason.",
        "reason",
        {why.value: figures.evictions[why] for why in Eviction},
    )


def _queue(admission: Admission) -> Iterator[Metric]:
    yield from gauges(
        ("asr_queue_requests", "Requests in work or waiting.", admission.requests),
        ("asr_queue_audio_seconds", "Audio of the requests in work or waiting.", admission.audio_seconds),
        ("asr_audio_speed_ratio", "Seconds of audio answered per second of work, lately.", admission.speed),
    )


def _capacity(capacity: Capacity) -> Iterator[Metric]:
    yield from gauges(
        ("asr_capacity_pass_seconds", "Longest recording that one pass of the model holds.", capacity.pass_seconds),
        ("asr_capacity_window_seconds", "Longest that is heard at once.", capacity.window_seconds),
        ("asr_capacity_live_sessions", "Live sessions that there is room for at once.", capacity.live_sessions),
    )
    yield labelled_gauge(
        "asr_capacity_recordings",
        "Recordings that there is room for at once, by their length in seconds.",
        "seconds",
        {str(length): count for length, count in capacity.recordings.items()},
    )


def _now(stats: WorkerStats | None) -> Iterator[Metric]:
    used, total = (0, 0) if stats is None else (stats.pages_used, stats.pages_total)
    kept, pages_kept = (0, 0) if stats is None else (stats.kept, stats.pages_kept)
    yield from gauges(
        ("asr_active_streams", "Recordings and live windows that the model works on.", stats.running if stats else 0),
        ("asr_waiting_streams", "Those that wait for the model.", stats.waiting if stats else 0),
        ("asr_kv_pages", "Pages of the KV cache.", total),
        ("asr_kv_pages_used", "Pages of the KV cache that are in use.", used),
        ("asr_kept_conversations", "Conversations that are kept for another turn.", kept),
        ("asr_kv_pages_kept", "Pages of the KV cache that they hold beside, until somebody needs them.", pages_kept),
        ("asr_kv_cache_usage_ratio", "Share of the KV cache in use.", used / max(total, 1)),
    )


def _work(done: WorkDone) -> Iterator[Metric]:
    yield histogram(
        "asr_step_seconds",
        "Time of a step of the model. The sum is the time in which there was one: its rate is the busy share.",
        done.step_seconds,
    )
    yield histogram("asr_batch_size", "Recordings and live windows computed in one step.", done.rows)
    yield from counters(
        (
            "asr_worker_busy_seconds",
            "Time in which the worker launched steps or waited for them; the rest is planning, messages and rest.",
            done.busy_seconds,
        ),
        ("asr_encoded_frames", "Audio frames encoded, 7.5 for a second of audio.", done.encoded_frames),
        ("asr_positions", "Inputs moved into the KV cache, of prompts and answers.", done.positions),
        ("asr_answer_tokens", "Answer tokens given out.", done.answer_tokens),
        ("asr_guessed_tokens", "Answer tokens that were guessed and verified.", done.guessed_tokens),
        ("asr_accepted_tokens", "Guessed tokens that came true.", done.accepted_tokens),
        (
            "asr_preemptions",
            "Recordings that gave their pages to those before them, and began again where they were, later.",
            done.preemptions,
        ),
    )


def device_memory(memory: DeviceMemory) -> Iterator[Metric]:
    """What is told where the device has memory of its own."""
    yield from gauges(
        ("asr_device_memory_bytes", "The device's memory.", memory.total),
        ("asr_device_memory_free_bytes", "Device memory that no process has taken.", memory.free),
        ("asr_device_memory_allocated_bytes", "Device memory in use by the worker's tensors.", memory.allocated),
        ("asr_device_memory_reserved_bytes", "Device memory that the worker's allocator has taken.", memory.reserved),
    )
