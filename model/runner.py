"""What the worker calls: streams of audio in, answer tokens out, one step at a time.

A stream's inputs queue up (tokens before the audio, embeddings as frames are encoded, the instruction, each answer
token) and a step moves the planned number of them into the KV cache. Whenever the queue of an asked stream runs empty,
its last logits give the next answer token, which becomes the next input. Guesses at the tokens behind it may ride
along; those that the same forward confirms are answer tokens too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from model.attention import Backend, Place, choose_backend
from model.audio import HOP, SAMPLE_RATE
from model.checkpoint import Checkpoint, check_geometry, language_config, open_checkpoint
from model.decoder import Decoder, head_dim
from model.drafts import HypothesisDraft, TemplateDraft, TokenTexts
from model.encoder import StreamingEncoder
from model.footprint import Footprint
from model.graphs import Capture, CudaCapture
from model.kv_cache import PageTable
from model.loading.room import memory_explained
from model.memory import ECONOMIES, GPU_PAGE, Economy, MemoryPlan, Planner, economize, free_bytes
from model.prompt import Prompt
from model.sampling import Sampler, choose
from model.steps import (
    DEFAULT_STEPS,
    AttentionName,
    Emitted,
    EncodeWork,
    Question,
    RowWork,
    RunnerInfo,
    Samples,
    StepPlan,
    StepResult,
    StepSizes,
    StreamSpec,
    WeightsName,
)
from model.stream import DRAFT_POSITIONS, DeviceStream

logger = logging.getLogger(__name__)

_CPU_POSITIONS = 262_144


@dataclass(frozen=True, slots=True)
class _Row:
    """One stream's part of a step. ``length``: its inputs, guessed ones included."""

    number: int
    stream: DeviceStream
    inputs: list[list[int] | torch.Tensor]
    length: int
    answers: bool
    guess: list[int]

    def settle(self, tokens: list[int], logprobs: list[float]) -> Emitted:
        """Accept ``tokens``: verified guesses and the one behind them. Wrong guesses leave the KV cache again."""
        table = self.stream.table
        table.crop(table.length - (len(self.guess) - (len(tokens) - 1)))
        self.stream.queue.put(tokens[-1:])
        self.stream.follow(tokens)
        return Emitted(self.number, tuple(tokens), tuple(logprobs))


def _verified(guess: list[int], tokens: list[int]) -> int:
    """How many guesses the model agrees with: ``tokens[i]`` is what it says where ``guess[i]`` was assumed."""
    for place, guessed in enumerate(guess):
        if guessed != tokens[place]:
            return place
    return len(guess)


class Runner:
    """The device: encoder, decoder and pages behind ``model.steps.StepRunner``. Not thread-safe."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        pages: int,
        page_size: int,
        drafts: bool = True,
        attention: Backend | None = None,
        record_steps: Capture | None = None,
        record_chunks: Capture | None = None,
        economy: Economy = ECONOMIES[0],
        largest_step: StepSizes | None = None,
    ) -> None:
        """``pages`` of ``page_size`` positions each make up the KV cache that all streams share.

        ``drafts``: guess tokens and verify them; without, every answer token takes a forward of its own.
        ``attention``: by default the best that runs here. ``record_steps``, ``record_chunks``: make graphs of small
        steps and of small encoder batches, see ``Decoder`` and ``StreamingEncoder``; they may run at the same time.
        ``economy``: how much memory is spent on speed. ``largest_step``: for which memory was planned, see RunnerInfo.
        """
        check_geometry(checkpoint)
        model, tokenizer = checkpoint.model, checkpoint.processor.tokenizer
        self._encoder = StreamingEncoder(model, capture=record_chunks, recorded_rows=economy.chunk_rows)
        economize(model, economy)
        backend = attention or choose_backend("auto", _place(checkpoint, page_size))
        self._decoder = Decoder(
            model,
            pages=pages,
            page_size=page_size,
            backend=backend,
            capture=record_steps,
            recorded_inputs=economy.step_inputs,
        )
        self._prompt = Prompt(checkpoint.processor)
        self._texts = TokenTexts(tokenizer)
        self._drafts = drafts
        self._streams: dict[int, DeviceStream] = {}
        end_of_turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
        self._info = RunnerInfo(
            checkpoint=checkpoint.name,
            checkpoint_path=str(checkpoint.tokenizer_path or checkpoint.path),
            sample_rate=SAMPLE_RATE,
            hop=HOP,
            page_size=page_size,
            pages=pages,
            max_positions=language_config(model).max_position_embeddings,
            stop_ids=frozenset({tokenizer.eos_token_id, end_of_turn}),
            device=str(checkpoint.device),
            dtype=str(checkpoint.dtype).removeprefix("torch."),
            attention=self._decoder.attention,
            draft_positions=DRAFT_POSITIONS if drafts else 0,
            largest_step=largest_step,
        )

    @property
    def info(self) -> RunnerInfo:
        return self._info

    @property
    def free_pages(self) -> int:
        return self._decoder.pool.free_pages

    def prompt_positions(self, spec: StreamSpec, frames: int) -> int:
        """See StepRunner."""
        seconds = frames * HOP / SAMPLE_RATE
        behind = self._prompt.after_audio(seconds, spec.context)
        start = self._prompt.answer_start(header=spec.force_header)
        return len(self._prompt.before_audio) + frames + len(behind) + len(start)

    def open(self, stream: int, spec: StreamSpec) -> int:
        """See StepRunner. Raises ValueError when the number is in use."""
        if stream in self._streams:
            raise ValueError(f"stream {stream} is open already")
        state = DeviceStream(spec, PageTable(self._decoder.pool), Sampler(spec.temperature, spec.seed))
        state.queue.put(self._prompt.before_audio)
        self._streams[stream] = state
        return len(state.queue)

    def append_audio(self, stream: int, samples: Samples) -> int:
        """See StepRunner. Raises ValueError after finish_audio."""
        state = self._streams[stream]
        if state.finished:
            raise ValueError(f"audio for stream {stream} after its end")
        state.samples += samples.size
        state.audio.append(state.spec.level.apply(samples))
        return state.audio.frames

    def finish_audio(self, stream: int) -> int:
        """See StepRunner."""
        state = self._streams[stream]
        state.audio.pad()
        state.finished = True
        return state.audio.frames

    def ask(self, stream: int, question: Question = Question()) -> int:  # noqa: B008 - frozen
        """See StepRunner. Raises ValueError while appended frames wait for the encoder or another question stands."""
        state, spec = self._streams[stream], self._streams[stream].spec
        if state.audio.frames:
            raise ValueError(f"{state.audio.frames} frames are not encoded yet")
        if state.asked:
            raise ValueError(f"stream {stream} was asked already")
        heard = min(state.samples, state.encoded_frames * HOP)
        instruction = self._prompt.after_audio(heard / SAMPLE_RATE, spec.context)
        start = self._prompt.answer_start(question.prefix, header=spec.force_header)
        state.queue.put([*instruction, *start])
        if self._drafts and spec.temperature == 0:
            state.draft = TemplateDraft(self._texts)
            state.draft.follow([*instruction, *start])
            guess = self._prompt.answer(question.guess, header=spec.force_header) if question.guess else []
            state.memory = HypothesisDraft(guess[: spec.max_answer_tokens], start)
        state.asked, state.answered = True, 0
        return len(state.queue)

    def withdraw(self, stream: int) -> int:
        """See StepRunner."""
        state = self._streams[stream]
        if state.asked:
            audio_end = len(self._prompt.before_audio) + state.encoded_frames
            state.queue.keep(max(0, audio_end - state.table.length))
            state.table.crop(min(state.table.length, audio_end))
            state.asked = False
        return len(state.queue)

    def step(self, plan: StepPlan) -> StepResult:
        """See StepRunner. Raises torch.OutOfMemoryError with every stream of the plan in an undefined state."""
        try:
            if plan.encode:
                self._encode(plan.encode)
            with torch.cuda.stream(self._decoder.stream):  # does nothing where there is no such stream
                return self._decode(plan.rows) if plan.rows else StepResult()
        except torch.OutOfMemoryError:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # the streams beside this step's may need what it left in the allocator
            raise

    def release(self, stream: int) -> None:
        """See StepRunner."""
        self._streams.pop(stream).table.release()

    def check_integrity(self) -> None:
        """See StepRunner."""
        self._decoder.pool.check_integrity([state.table for state in self._streams.values()])

    def _encode(self, work: tuple[EncodeWork, ...]) -> None:
        states = [self._streams[item.stream] for item in work]
        chunks = [state.audio.take(item.frames) for state, item in zip(states, work, strict=True)]
        embeddings = self._encoder.encode([state.encoder for state in states], chunks)
        for state, embedded in zip(states, embeddings, strict=True):
            state.queue.put(embedded)
            state.encoded_frames += len(embedded)

    def _decode(self, work: tuple[RowWork, ...]) -> StepResult:
        rows = sorted((self._row(item) for item in work), key=lambda row: row.length)  # alike rows share rectangles
        inputs = [part for row in rows for part in row.inputs]
        if audio := [part for part in inputs if isinstance(part, torch.Tensor)]:
            self._encoder.wait(self._decoder.stream, audio)
        places: list[int] = []
        first = 0
        for row in rows:
            first += row.length
            if row.answers:
                places += range(first - len(row.guess) - 1, first)
        scores = self._decoder.forward(inputs, [(row.stream.table, row.length) for row in rows], places)
        answering = [row for row in rows if row.answers]
        if not answering:
            return StepResult()
        samplers = [row.stream.sampler for row in answering for _ in range(len(row.guess) + 1)]
        tokens, logprobs = choose(scores, samplers)
        emitted, first = [], 0
        for row in answering:
            count = _verified(row.guess, tokens[first:]) + 1
            emitted.append(row.settle(tokens[first : first + count], logprobs[first : first + count]))
            first += len(row.guess) + 1
        return StepResult(tuple(emitted))

    def _row(self, work: RowWork) -> _Row:
        """Take a row's inputs; where its queue runs empty an answer token comes, and guesses ride behind the inputs."""
        stream = self._streams[work.stream]
        inputs = stream.queue.take(work.positions)
        answers = stream.asked and not stream.queue
        guess = stream.guess() if answers else []
        return _Row(
            work.stream, stream, [*inputs, guess] if guess else inputs, work.positions + len(guess), answers, guess
        )


@dataclass(frozen=True, slots=True)
class Room:
    """What a device has to have room for.

    ``steps``: the largest step. ``least``: positions of KV cache without which it is of no use. ``wanted``: positions
    for which speed is given up where memory is short.
    """

    steps: StepSizes = DEFAULT_STEPS
    least: int = 1
    wanted: int = 1


DEFAULT_ROOM = Room()


def load_runner(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: Room = DEFAULT_ROOM,
    attention: AttentionName = "auto",
) -> Runner:
    """Load a checkpoint and give it a KV cache of ``kv_positions`` positions (default: what the device has room for).

    ``room``: what there has to be room for, where the size of the KV cache is not given.
    ``page_size``: positions per page; 0 takes 256 on CUDA, where the paged kernels ask for it, and 32 elsewhere.
    ``attention``: the backend; one that cannot run here is an error and never replaced by another.
    Raises StartError: CheckpointError, AttentionError, DeviceMemoryError.
    """
    opened = open_checkpoint(source, device=device, dtype=dtype, weights=weights, revision=revision)
    size = _page_size(opened.device, page_size)
    # What cannot run is told before a weight is fetched.
    choose_backend(attention, Place(opened.device, opened.dtype, opened.head_dim, size))
    if kv_positions is None and (free := free_bytes(opened.device)) is not None:
        _planner(opened.device, opened.dtype, opened.footprint, free, size, room).plan(opened.weights)
    checkpoint = opened.load()
    with memory_explained(opened.weight_bytes, opened.device):
        return make_runner(checkpoint, page_size=size, kv_positions=kv_positions, room=room, attention=attention)


def make_runner(
    checkpoint: Checkpoint,
    *,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: Room = DEFAULT_ROOM,
    attention: AttentionName = "auto",
    graphs: bool = True,
) -> Runner:
    """A runner of a loaded checkpoint, set up for its device; see ``load_runner``.

    ``graphs``: record small steps and chunks where the device can; without, every kernel is launched by itself.
    Raises AttentionError and NotEnoughMemoryError.
    """
    cuda = checkpoint.device.type == "cuda"
    if cuda:
        torch.cuda.set_device(checkpoint.device)  # Triton launches on the current one
    size = _page_size(checkpoint.device, page_size)
    backend = choose_backend(attention, _place(checkpoint, size))
    recorded = cuda and graphs
    plan = _plan(checkpoint, size, room, graphs=recorded) if kv_positions is None else None
    positions = kv_positions or _CPU_POSITIONS
    return Runner(
        checkpoint,
        pages=max(1, positions // size) if plan is None else plan.pages(size),
        page_size=size,
        attention=backend,
        record_steps=CudaCapture(urgent=True) if recorded else None,
        record_chunks=CudaCapture() if recorded else None,
        economy=ECONOMIES[0] if plan is None else plan.economy,
        largest_step=None if plan is None else plan.economy.within(room.steps),
    )


def _planner(
    device: torch.device,
    dtype: torch.dtype,
    footprint: Footprint,
    available: int,
    page_size: int,
    room: Room,
    *,
    graphs: bool = True,
) -> Planner:
    return Planner.on(
        device,
        footprint,
        available,
        steps=room.steps,
        number_bytes=dtype.itemsize,
        graphs=graphs and device.type == "cuda",
        page_size=page_size,
        least=room.least,
        wanted=room.wanted,
    )


def _plan(checkpoint: Checkpoint, page_size: int, room: Room, *, graphs: bool) -> MemoryPlan | None:
    """How the device's memory is shared out, None where it has none of its own. Raises NotEnoughMemoryError."""
    if (free := free_bytes(checkpoint.device)) is None:
        return None
    footprint = Footprint.of(checkpoint.model)
    available = free + footprint.weight_bytes(checkpoint.weights, checkpoint.dtype.itemsize)
    planner = _planner(checkpoint.device, checkpoint.dtype, footprint, available, page_size, room, graphs=graphs)
    plan = planner.plan(checkpoint.weights)
    logger.info("memory, %s", plan)
    return plan


def _page_size(device: torch.device, wanted: int) -> int:
    return wanted or (GPU_PAGE if device.type == "cuda" else 32)


def _place(checkpoint: Checkpoint, page_size: int) -> Place:
    return Place(checkpoint.device, checkpoint.dtype, head_dim(checkpoint.model), page_size)
