"""An answer as the model writes it, from the question to the last piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from model.seam.audio import Samples
from model.seam.streams import Question
from server.conversations.healing import Healed, heal
from server.conversations.pieces import Piece, Spelling, Stops
from server.conversations.wishes import Conversation
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone
from server.hearing.costs import together
from server.hearing.hearing import Hearing
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.recording import Recording
from server.recordings.transcription import Costs, Outcome
from server.transcript.detokenizer import Vocabulary
from server.transcript.repeats import LoopFound
from server.transcript.segments import Usage


class FreeAnswer:
    """Made by `Conversations.answer`. ``pieces`` may be read once.

    Attributes:
        stream: that it is asked of.
        recording: that it is about.
        conversation: that it belongs to.
        decode_seconds: what it took to read that.
        deadline: until when the answer is worth having, by the event loop's clock; to be set before it is read.
        expired: that passed before it was done.
        costs: once ``pieces`` is exhausted.
        text: as far as it is told.
        cached_tokens: of the prompt that were computed for an earlier turn, once ``pieces`` is exhausted.
    """

    def __init__(
        self,
        stream: EngineStream,
        put: Callable[[Question], Hearing],
        recording: Recording,
        blocks: Iterator[Samples],
        vocabulary: Vocabulary,
        *,
        question: Question,
        forced: str,
        conversation: Conversation,
        decode_seconds: float,
    ) -> None:
        """See `Conversations.answer`.

        Args:
            blocks: of the samples, at the stream's gain; none where the stream has heard them before.
            question: the conversation's.
            forced: told first: with it the answer is made to go on.
        """
        self.stream = stream
        self.recording = recording
        self.conversation = conversation
        self.decode_seconds = decode_seconds
        self.deadline: float | None = None
        self.costs: Costs | None = None
        self.text = ""
        self.cached_tokens = 0
        self._put = put
        self._blocks = blocks
        self._vocabulary = vocabulary
        self._question = question
        self._forced = forced
        self._begun = len(question.begun)
        self._healed: Healed | None = None
        self._stops = Stops(conversation.stop)
        self._answer: Hearing | None = None
        self._failed = self.expired = False

    @property
    def first_token_at(self) -> float | None:
        """``perf_counter()`` when the first token was there, None before."""
        return None if self._answer is None else self._answer.first_token_at

    @property
    def loops(self) -> list[LoopFound]:
        """Where it ran in circles."""
        return [] if self._answer is None else self._answer.loops

    @property
    def outcome(self) -> Outcome:
        """What became of it, to be asked when nothing more is read."""
        if self.costs is not None:
            return Outcome.TRANSCRIBED
        return Outcome.FAILED if self._failed else Outcome.CANCELLED

    @property
    def asked(self) -> bool:
        """The question was put."""
        return self._answer is not None

    def give_up(self) -> None:
        """Nobody reads on: whoever has the stream may take the question back."""
        if self._answer is not None:
            self._answer.give_up()

    async def whole(self) -> list[Piece]:
        """All pieces. Raises EngineError, DeadlineExceeded."""
        async with aclosing(self.pieces()) as pieces:
            return [piece async for piece in pieces]

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The text as it comes. Raises EngineError, and DeadlineExceeded when the engine has given up the work."""
        try:
            async with aclosing(self._read()) as pieces:
                while True:
                    async with within(self.deadline):
                        piece = await anext(pieces, None)
                    if piece is None:
                        return
                    self.text += piece.text
                    yield piece
        except Exception as error:
            self._failed = True
            self.expired = isinstance(error, DeadlineExceeded)
            self.stream.close()
            raise

    async def _read(self) -> AsyncGenerator[Piece, None]:
        for block in self._blocks:
            await self.stream.append(block)
        question = await self._as_written()
        self._answer = self._put(question)
        async with aclosing(self._spelled(self._answer)) as spelled:
            async for piece in spelled:
                for passed in self._stops.feed(piece):
                    yield passed
                if self._stops.stopped:
                    break
        for passed in self._stops.finish():
            yield passed
        self.costs = self._costs(await self._answer.stop() if self._stops.stopped else self._answer.done)

    async def _as_written(self) -> Question:
        """The question, with its beginning in the tokens that the model writes it with."""
        if self._forced or not self._question.begun:
            return self._question
        most = self.conversation.likeliest
        self._healed = healed = await heal(self.stream, self._question, self._vocabulary, likeliest=most)
        self._begun = len(healed.tokens) - (healed.more is not None)
        longest = self._question.max_tokens + self._begun - len(self._question.begun)
        return replace(self._question, begun=healed.tokens, max_tokens=longest)

    async def _spelled(self, answer: Hearing) -> AsyncGenerator[Piece, None]:
        if self._forced:
            yield Piece(self._forced)
        if self._healed is not None and self._healed.more is not None:
            yield self._healed.more
        spelling = Spelling(self._vocabulary, self.conversation.likeliest)
        async for heard in answer:
            if heard.forced:
                for piece in (*spelling.finish(), Piece(heard.forced)):
                    yield piece
            for piece in spelling.feed(heard.tokens, heard.logprobs, heard.likeliest):
                yield piece
        for piece in spelling.finish():
            yield piece

    def _costs(self, done: AnswerDone | None) -> Costs:
        assert done is not None
        if self._healed is not None and self._healed.spent is not None:
            done = together(self._healed.spent, done)
        self.cached_tokens = done.cached_tokens
        text = done.prompt_tokens - done.audio_tokens + self._begun
        usage = Usage(done.audio_tokens, text, max(0, done.answer_tokens - self._begun))
        return Costs(done.queue_seconds, done.total_seconds - done.queue_seconds, usage, done.reason)
