"""The room's door: a recording and a conversation about it in, the assistant's next words out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import BinaryIO

from model.family import Grammar
from model.seam.audio import SAMPLE_RATE
from model.seam.runner import RunnerInfo
from model.seam.streams import Priority, Question, StreamSpec
from server.context import ContextRoom
from server.conversations.free_answer import FreeAnswer
from server.conversations.healing import spare_tokens
from server.conversations.wishes import Conversation
from server.engine.budget import answer_budget, context_room, work_seconds
from server.engine.capacity import longest_pass
from server.engine.client.admission import Ticket
from server.engine.client.engine import Engine
from server.engine.client.shelf import Place
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.hearing.hearing import hear
from server.recordings.errors import NotOfThisModel
from server.recordings.places import giving_back, octets, priority
from server.recordings.recordings import Recordings
from server.recordings.stream_audio import StreamAudio
from server.recordings.wishes import Wishes
from server.resources import Budget
from server.transcript.detokenizer import Vocabulary

_TURN_TOKENS = 8
"""Around what is said in a turn, at most."""


class Conversations:
    """Answers in conversations with an engine that is ready. What it may raise stands in `server.recordings.errors`.

    Args:
        engine: to open streams on.
        vocabulary: of its checkpoint.
        recordings: whose decoders and limits are used.
        memory: for samples on their way to the engine.
        loop_guard: answers that run in circles are asked for again.
    """

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, recordings: Recordings, memory: Budget, *, loop_guard: bool
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._recordings = recordings
        self._memory = memory
        self._loop_guard = loop_guard

    @asynccontextmanager
    async def answer(
        self,
        file: BinaryIO,
        conversation: Conversation,
        *,
        ticket: Ticket,
        request_id: str,
        owner: Hashable,
        urgent: bool = False,
        adapter: str | None = None,
    ) -> AsyncIterator[FreeAnswer]:
        """Decode ``file`` (seekable), and hold a place in the engine for it until the end of the context.

        ``file`` has to stay valid until then, as with `Recordings.transcription`: the whole recording is heard at once,
        and mixed to one channel. The ticket is the caller's to give back. What was heard for the same ``owner`` before
        is not heard again, as long as there was room to keep it.

        Raises everything that `server.recordings.errors` lists.
        """
        began = perf_counter()
        if self._info.family.turns is not None:
            raise NotOfThisModel(f"{self._info.family.name} writes what it hears, and answers no questions.")
        tokens = await asyncio.to_thread(self._tokens_of, conversation)
        wishes = Wishes("\n".join(conversation.words), urgent=urgent)
        source = self._recordings.file(file, wishes)
        async with AsyncExitStack() as resources:
            resources.push_async_callback(source.close)
            longest = longest_pass(self._info, answer_tokens=conversation.max_tokens)
            recording, (audio,) = await source.read(longest)
            decode_seconds = perf_counter() - began
            seconds = audio.length / SAMPLE_RATE
            if seconds > longest:
                raise _too_long(seconds, longest)
            ContextRoom(context_room(self._info, seconds, answer_tokens=1), seconds, len).check_tokens(tokens)
            ticket.add_audio(work_seconds(self._info.family, seconds, tokens))
            share = resources.enter_context(self._memory.share())
            share.take(octets(audio.length))
            forced, begun = continued(conversation.prefix, self._info.family.grammar, self._vocabulary)
            spare = 0 if forced else spare_tokens(begun, self._vocabulary)
            question = self._question(conversation, seconds, tokens + spare, begun)
            frames = self._info.geometry.frames(audio.length)
            longest_question = replace(question, max_tokens=question.max_tokens + spare)
            spec = StreamSpec(
                frames, longest_question, audio.level, priority(urgent), system=conversation.system, adapter=adapter
            )
            place = Place(await self._key(spec, audio, owner), audio.length, conversation.said)
            stream = self._engine.open(
                spec,
                request_id=request_id,
                source=source.of(audio),
                fingerprint=source.fingerprint,
                place=place if self._engine.shelf.open else None,
            )
            put = partial(
                hear,
                stream,
                vocabulary=self._vocabulary,
                grammar=self._info.family.grammar,
                seconds=seconds,
                guard=self._loop_guard,
            )
            answer = FreeAnswer(
                stream,
                put,
                recording,
                giving_back(iter(()) if stream.appended else audio.blocks, share),
                self._vocabulary,
                question=question,
                forced=forced,
                conversation=conversation,
                decode_seconds=decode_seconds,
            )
            resources.callback(self._leave, answer, place)
            yield answer

    async def _key(self, spec: StreamSpec, audio: StreamAudio, owner: Hashable) -> Hashable:
        """The same for all who may share what was heard: one owner's questions about one audio behind one system text,
        put to the same weights."""
        if not self._engine.shelf.open:
            return None
        heard = replace(spec, question=Question(), priority=Priority.NORMAL)
        return owner, await asyncio.to_thread(audio.digest), heard

    def _leave(self, answer: FreeAnswer, place: Place) -> None:
        """The stream stays for the next turn, if it was asked anything."""
        answer.give_up()
        if answer.asked:
            said = answer.conversation.prefix + answer.text
            self._engine.shelf.leave(answer.stream, replace(place, turns=(*place.turns, said)))
        else:
            answer.stream.close()

    def _tokens_of(self, conversation: Conversation) -> int:
        """What it takes of the context beside audio and answer, at most."""
        said = conversation.words
        return sum(map(self._vocabulary.count, said)) + _TURN_TOKENS * len(said)

    def _question(self, conversation: Conversation, seconds: float, tokens: int, begun: tuple[int, ...]) -> Question:
        room = context_room(self._info, seconds, answer_tokens=0) - tokens
        most = min(answer_budget(self._info, seconds, context_tokens=tokens), max(1, room))
        if conversation.max_tokens is not None:
            most = min(most, conversation.max_tokens)
        return Question(
            said=conversation.said,
            begun=begun,
            temperature=conversation.temperature,
            top_p=conversation.top_p,
            seed=conversation.seed,
            max_tokens=most + len(begun),
            likeliest=conversation.likeliest > 0,
        )

    @property
    def _info(self) -> RunnerInfo:
        assert self._engine.info is not None
        return self._engine.info


def _too_long(seconds: float, longest: float) -> EngineError:
    return EngineError(
        FailureCode.TOO_LONG,
        f"This recording lasts {seconds:.0f} s. A conversation hears all of its recording at once, and this server has "
        f"room for {max(0, int(longest))} s of it: send a part, or have it transcribed, which is done in windows and "
        "has no such limit (/v1/audio/transcriptions).",
    )


def continued(prefix: str, grammar: Grammar, vocabulary: Vocabulary) -> tuple[str, tuple[int, ...]]:
    """What follows a caller's ``prefix`` by necessity, and the tokens of both together.

    Whoever cuts an answer in front of its next segment, as Microsoft's clients do, says that there is one, and the
    vocabulary has ``},{"`` as one token: to a model that writes it so, ``},`` alone would be a strange thing to go on
    from.
    """
    last = prefix.rstrip()
    forced = grammar.lead if last.endswith(("},", "[")) else ""
    return forced, tuple(vocabulary.ids(prefix + forced))
