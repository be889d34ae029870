"""What the worker calls: streams of audio in, answer tokens out, one step at a time.

A stream's inputs queue up (tokens before the audio, embeddings as frames are encoded, the instruction, each answer
token) and a step moves the planned number of them into the KV cache. Whenever the queue of an asked stream runs empty,
its last logits give the next answer token, which becomes the next input. Guesses at the tokens behind it may ride
along; those that the same forward confirms are answer tokens too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model.decoder.adapters import Adapter, Adapters
from model.decoder.attention import Backend, Place, choose_backend
from model.decoder.decoder import Decoder
from model.decoder.dimensions import head_dim, language_config
from model.decoder.kv_cache import PageTable
from model.deterministic import verify
from model.device.capture import Capture
from model.device.transfer import mark
from model.drafts.answer_draft import AnswerDraft
from model.drafts.bounds import DRAFT_POSITIONS
from model.drafts.hypothesis import HypothesisDraft
from model.drafts.phrases import context_phrases
from model.drafts.token_texts import TokenTexts
from model.encoder.fixed_encoder import FixedEncoder
from model.encoder.streaming import AudioBuffer, StreamingEncoder
from model.loading.checkpoint import Checkpoint
from model.memory.economy import ECONOMIES, Economy, economize
from model.runner.row_steps import DecodedStep, make_room, rows_of_step
from model.runner.stream import DeviceStream
from model.seam.audio import Level, Samples
from model.seam.runner import RunnerInfo
from model.seam.steps import PendingStep, StepPlan, StepResult, StepSizes
from model.seam.streams import Question, StreamCounts


class Runner:
    """The device: encoder, decoder and pages behind ``model.seam.runner.StepRunner``. Not thread-safe."""

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
        deterministic: bool = False,
        adapters: Sequence[Adapter] = (),
    ) -> None:
        """``pages`` of ``page_size`` positions each make up the KV cache that all streams share.

        ``drafts``: guess tokens and verify them; without, every answer token takes a forward of its own.
        ``attention``: by default the best that runs here. ``record_steps``, ``record_chunks``: make graphs of small
        steps and of small encoder batches, see ``Decoder`` and ``StreamingEncoder``; they may run at the same time.
        ``economy``: how much memory is spent on speed. ``largest_step``: for which memory was planned, see RunnerInfo.
        ``deterministic``: an answer depends on nothing but its audio and its question, see ``model.deterministic``.
        ``adapters``: that streams can be decoded with.
        """
        model = checkpoint.model
        self._encoder = (
            FixedEncoder(model, capture=record_chunks)
            if deterministic
            else StreamingEncoder(model, capture=record_chunks, recorded_rows=economy.chunk_rows)
        )
        economize(model, economy)
        backend = attention or choose_backend("auto", place_of(checkpoint, page_size), deterministic=deterministic)
        self._decoder = Decoder(
            model,
            pages=pages,
            page_size=page_size,
            backend=backend,
            capture=record_steps,
            recorded_inputs=economy.step_inputs,
            head_places=economy.head_places,
            deterministic=deterministic,
            adapters=Adapters(model, adapters) if adapters else None,
        )
        if deterministic:
            verify(self._decoder, self._encoder)
        self._grammar = checkpoint.family.grammar
        self._prompt = checkpoint.family.prompt(checkpoint.processor)
        self._texts = TokenTexts(checkpoint.processor.tokenizer)
        self._drafts = drafts
        self._streams: dict[int, DeviceStream] = {}
        self._info = RunnerInfo(
            checkpoint=checkpoint.name,
            checkpoint_path=str(checkpoint.tokenizer_path),
            family=checkpoint.family,
            page_size=page_size,
            pages=pages,
            max_positions=language_config(model).max_position_embeddings,
            stop_ids=self._prompt.stop_ids,
            device=str(checkpoint.device),
            dtype=str(checkpoint.dtype).removeprefix("torch."),
            attention=self._decoder.attention,
            draft_positions=DRAFT_POSITIONS if drafts else 0,
            largest_step=largest_step,
            launches_ahead=checkpoint.device.type == "cuda",
            adapters=tuple(adapter.name for adapter in adapters),
        )

    @property
    def info(self) -> RunnerInfo:
        return self._info

    @property
    def free_pages(self) -> int:
        return self._decoder.pool.free_pages

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        """See StepRunner."""
        behind = self._behind_audio(self._info.geometry.seconds(frames), question)
        start = self._prompt.answer_start(header=question.force_header)
        return len(self._prompt.before(system)) + frames + len(behind) + len(start)

    def open(self, stream: int, level: Level = Level(), *, system: str = "") -> None:  # noqa: B008 - frozen
        """See StepRunner. Raises ValueError when the number is in use."""
        if stream in self._streams:
            raise ValueError(f"stream {stream} is open already")
        before = self._prompt.before(system)
        state = DeviceStream(level, PageTable(self._decoder.pool), AudioBuffer(self._encoder.hop), len(before))
        state.queue.put(before)
        self._streams[stream] = state

    def fork(self, stream: int, of: int) -> None:
        """See StepRunner. Raises ValueError when the number is in use."""
        if stream in self._streams:
            raise ValueError(f"stream {stream} is open already")
        with torch.cuda.stream(self._decoder.stream):  # does nothing where there is no such stream
            self._streams[stream] = self._streams[of].fork()

    def adapt(self, stream: int, adapter: str) -> None:
        """See StepRunner. Raises ValueError for an adapter that is not there."""
        if self._decoder.adapters is None:
            raise ValueError(f"there is no adapter {adapter!r}, nor any")
        self._streams[stream].table.adapter = self._decoder.adapters.number(adapter)

    def append(self, stream: int, samples: Samples) -> None:
        """See StepRunner."""
        self._streams[stream].append(samples)

    def pad(self, stream: int) -> None:
        """See StepRunner."""
        self._streams[stream].pad()

    def ask(self, stream: int, question: Question = Question()) -> str:  # noqa: B008 - frozen
        """See StepRunner. Raises ValueError while appended frames wait for the encoder or another question stands."""
        state = self._streams[stream]
        if state.audio.frames:
            raise ValueError(f"{state.audio.frames} frames are not encoded yet")
        if state.question is not None:
            raise ValueError(f"stream {stream} was asked already")
        geometry = self._info.geometry
        heard = min(state.samples, state.encoded * geometry.hop)
        instruction = self._behind_audio(heard / geometry.sample_rate, question)
        forced = self._prompt.answer_start(question.prefix, header=False)
        start = [*self._prompt.answer_start(header=question.force_header), *forced, *question.begun]
        state.begin_answer(question, [*instruction, *start])
        if self._drafts and question.temperature == 0:
            self._guess(state, question, start)
        return self._prompt.text(forced)

    def _behind_audio(self, seconds: float, question: Question) -> list[int]:
        return self._prompt.after_audio(seconds, question.context, said=question.said)

    def _guess(self, state: DeviceStream, question: Question, start: list[int]) -> None:
        """Have the answer guessed, which begins with these tokens."""
        if state.phrases is None or state.phrases[0] != question.context:
            state.phrases = question.context, context_phrases(self._texts, question.context)
        state.draft = AnswerDraft(self._texts, self._grammar.outline(), state.phrases[1])
        state.draft.follow(start)
        guess = self._prompt.answer(question.guess, header=question.force_header) if question.guess else []
        state.hypothesis = HypothesisDraft(guess[: question.max_tokens], start)

    def crop(self, stream: int) -> None:
        """See StepRunner. Harmless for a stream that was not asked."""
        state = self._streams[stream]
        if state.question is not None:
            state.end_answer()

    def counts(self, stream: int) -> StreamCounts:
        """See StepRunner."""
        return self._streams[stream].counts

    def launch(self, plan: StepPlan) -> PendingStep:
        """See StepRunner. Rows go first: what this step encodes runs beside them, on a stream of its own."""
        rows = rows_of_step(self._streams, plan.rows)
        decoded = DecodedStep(self._decoder, self._encoder, rows) if rows else None
        deaf = self._encode([(self._streams[work.stream], work.stream, work.frames) for work in plan.encode])
        done = mark(self._encoder.stream) if decoded is None else None

        def read() -> StepResult:
            if done is not None:
                done.synchronize()  # nobody may run ahead of the device for ever
            return StepResult(decoded.read() if decoded is not None else ())

        failed = deaf | (decoded.failed if decoded is not None else frozenset())
        return PendingStep(read, decoded.held if decoded is not None else frozenset(), failed)

    def step(self, plan: StepPlan) -> StepResult:
        """Launch a step and read it, for those who have nothing to do meanwhile. Raises torch.OutOfMemoryError."""
        pending = self.launch(plan)
        result = pending.read()
        if pending.failed:
            raise torch.OutOfMemoryError(f"not enough memory for the streams {sorted(pending.failed)}")
        return result

    def settle(self) -> None:
        """See StepRunner."""
        for stream in (self._decoder.stream, self._encoder.stream):
            if (done := mark(stream)) is not None:
                done.synchronize()

    def release(self, stream: int) -> None:
        """See StepRunner."""
        self._streams.pop(stream).release()

    def check_integrity(self) -> None:
        """See StepRunner."""
        self._decoder.pool.check_integrity([state.table for state in self._streams.values()])

    def _encode(self, work: list[tuple[DeviceStream, int, int]]) -> frozenset[int]:
        """Encode frames of streams (with their numbers), in parts where memory is short. Returns those that failed."""
        if not work:
            return frozenset()
        chunks = [state.audio.take(frames) for state, _, frames in work]
        try:
            embeddings = self._encoder.encode([state.encoder for state, _, _ in work], chunks)
        except torch.OutOfMemoryError as error:
            for (state, _, _), chunk in zip(work, chunks, strict=True):
                state.audio.put_back(chunk)
            make_room(error)
            if parts := _halves(work):
                return self._encode(parts[0]) | self._encode(parts[1])
            return frozenset(number for _, number, _ in work)
        for (state, _, _), embedded in zip(work, embeddings, strict=True):
            state.queue.put(embedded)
            state.encoded += len(embedded)
        return frozenset()


def _halves(
    work: list[tuple[DeviceStream, int, int]],
) -> tuple[list[tuple[DeviceStream, int, int]], list[tuple[DeviceStream, int, int]]] | None:
    """Half of the streams each, or of one stream's frames; None for a single frame."""
    if len(work) > 1:
        return work[: len(work) // 2], work[len(work) // 2 :]
    [(state, number, frames)] = work
    return ([(state, number, frames // 2)], [(state, number, frames - frames // 2)]) if frames > 1 else None


def place_of(checkpoint: Checkpoint, page_size: int) -> Place:
    """Where the attention of a checkpoint runs."""
    return Place(checkpoint.device, checkpoint.dtype, head_dim(language_config(checkpoint.model)), page_size)
