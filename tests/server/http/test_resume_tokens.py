"""The tokens with which a session goes on elsewhere: what is in them, who takes them, and how large they are."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.http.auth.resume_tokens import NotSealed, ResumeTokens
from server.http.sockets import handover
from server.http.sockets.handover import Handover, ResumeRefused
from server.live.vocabulary.actions import Resume
from server.live.vocabulary.ear_places import GatePlace, TurnPlace
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.resumption import Place, Refusal, Said, TextPlace, Voice, Voices
from server.protocols.openai.realtime.reading import MAX_EVENT_CHARACTERS
from tests.support.samples import TWO_SPEAKERS

SECRET = "a secret of two replicas"
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SNAPSHOT = {"id": "sess_1", "items": {"awaited": [{"text": "नमस्ते 你好"}]}}


def place(text: str = "") -> Place:
    said = Said(3, 10.0, 12.0, 1, text or "Hello there", -0.2)
    return Place(
        audio_from=9.5,
        passed=((228_000, 300_000), (310_000, 320_000)),
        gate=GatePlace(13.3, True, 2, 0.1, False),
        text=TextPlace(
            heard=((228_000, 300_000),),
            fills=((250_000, 1600),),
            closed=((replace(said, index=2, end=10.0), '{"Start":9.5,"End":10.0,"Speaker":1,"Content":"Yes."}'),),
            introduced=(0, 4),
            level=(1.5, 1.0),
            closed_until=10.0,
            segments=4,
            open=said,
            words_end=11.5,
        ),
        turn=TurnPlace(13.3, True, 0, 8.0, 8.0),
        flushes=((9.0, 7),),
        next_flush=8,
    )


SPEECH: Samples = soundfile.read(TWO_SPEAKERS, dtype="float32")[0]


def voices(*speakers: int, seconds: float = 2.0) -> Voices:
    """What each says, from another place of a recording."""
    size = round(seconds * SAMPLE_RATE)
    starts = [speaker * SAMPLE_RATE % (SPEECH.size - size) for speaker in speakers]
    return tuple(
        Voice(speaker, f"I am number {speaker}.", start, SPEECH[start : start + size])
        for speaker, start in zip(speakers, starts, strict=True)
    )


def side(tokens: ResumeTokens, *, kind: str = "listen", digest: bytes = KEY, name: str = "req_1") -> Handover:
    return Handover(tokens, kind=kind, digest=digest, name=name)


def shared() -> ResumeTokens:
    return ResumeTokens(SECRET, keyed=False)


FLUSHES: Mapping[int, list[tuple[float, FlushId]]] = {0: [(12.5, FlushId(Asker.PROTOCOL, 2))]}


async def test_a_session_arrives_as_it_left() -> None:
    here, there = side(shared()), side(shared(), name="req_2")
    of = voices(2, 0)
    offer = here.offer(SNAPSHOT, {0: place(), 1: place("你好 नमस्ते")}, FLUSHES, await here.voices_token({0: of}))
    assert offer.audio_start == 9.5
    passed = there.passed(Resume(offer.token))
    assert (passed.name, passed.snapshot, passed.flushes) == ("req_1", SNAPSHOT, FLUSHES)
    assert passed.places == {0: place(), 1: place("你好 नमस्ते")}
    [(channel, arrived)] = (await there.voices(offer.voices)).items()
    assert channel == 0
    assert [(one.speaker, one.text, one.start) for one in arrived] == [(one.speaker, one.text, one.start) for one in of]
    for one, other in zip(arrived, of, strict=True):
        assert one.samples.size == other.samples.size
        # The codec's resampling moves them by a tenth of a millisecond.
        assert max(np.corrcoef(np.roll(one.samples, lag), other.samples)[0, 1] for lag in range(4)) > 0.95


async def test_voices_come_again_only_where_they_changed() -> None:
    here = side(shared())
    assert await here.voices_token({0: voices(0, 1)})
    assert await here.voices_token({0: voices(1, 0)}) is None
    assert await here.voices_token({0: voices(0, 1, 2)})


async def test_eight_speakers_fit_into_the_smallest_message() -> None:
    here = side(shared())
    token = await here.voices_token({0: voices(*range(8), seconds=2.0)})
    offer = here.offer(SNAPSHOT, {0: place()}, {}, token)
    assert token is not None
    assert len(token) + len(offer.token) < MAX_EVENT_CHARACTERS - 1000
    assert len(offer.token) < 2000
    more = await side(shared()).voices_token({0: voices(*range(32), seconds=4.0)})
    assert more is not None
    assert len(more) < MAX_EVENT_CHARACTERS - 60_000
    assert [one.speaker for one in (await here.voices(more))[0]] == [28, 29, 30, 31], "those heard last"


async def test_only_who_knows_the_secret_and_the_key_can_go_on() -> None:
    here = side(shared())
    offer = here.offer(SNAPSHOT, {0: place()}, {}, await here.voices_token({0: voices(0)}))
    own = ResumeTokens(None, keyed=False)
    strangers = [
        side(own),
        side(ResumeTokens("another secret", keyed=False)),
        side(shared(), digest=OTHER_KEY),
        side(shared(), kind="flux"),
    ]
    for stranger in strangers:
        with pytest.raises(ResumeRefused) as caught:
            stranger.passed(Resume(offer.token))
        assert caught.value.why is Refusal.INVALID
    other = side(shared(), name="req_9").offer(SNAPSHOT, {0: place()}, {}, None)
    there = side(shared())
    there.passed(Resume(other.token))
    with pytest.raises(ResumeRefused):  # those of another session
        await there.voices(offer.voices)


def test_keys_are_secret_enough() -> None:
    sealed = ResumeTokens(None, keyed=True).sealed(b"content", purpose="flux", digest=KEY)
    other_replica = ResumeTokens(None, keyed=True)
    assert other_replica.content(sealed, purpose="flux", digest=KEY) == b"content"
    with pytest.raises(NotSealed):
        other_replica.content(sealed, purpose="flux", digest=OTHER_KEY)
    assert [ResumeTokens(None, keyed=True).shared, shared().shared, ResumeTokens(None, keyed=False).shared] == [
        True,
        True,
        False,
    ]


def test_a_token_that_was_changed_is_none() -> None:
    token = side(shared()).offer(SNAPSHOT, {0: place()}, {}, None).token
    head, content, signature = token.split(".")
    raw = bytearray(urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    raw[len(raw) // 2] ^= 1
    changed = urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    for forged in (f"{head}.{changed}.{signature}", f"{head}.{content}.", token[:-2], "", "x.y.z", "नमस्ते"):
        with pytest.raises(ResumeRefused) as caught:
            side(shared()).passed(Resume(forged))
        assert caught.value.why is Refusal.INVALID


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    token = side(shared()).offer(SNAPSHOT, {0: place()}, {}, None).token
    now = time.time()
    for later, expired in ((handover.GOOD_SECONDS - 5, False), (handover.GOOD_SECONDS + 5, True)):
        monkeypatch.setattr(handover, "time", lambda later=later: now + later)
        if expired:
            with pytest.raises(ResumeRefused) as caught:
                side(shared()).passed(Resume(token))
            assert caught.value.why is Refusal.EXPIRED
        else:
            assert side(shared()).passed(Resume(token)).name == "req_1"


def test_a_token_of_another_version_of_the_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_VERSION", 99)
    token = side(shared()).offer(SNAPSHOT, {0: place()}, {}, None).token
    monkeypatch.undo()
    with pytest.raises(ResumeRefused):
        side(shared()).passed(Resume(token))
