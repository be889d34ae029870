"""What is kept of jobs, and what each process may do to them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from server.jobs.files import RecordingFiles
from server.jobs.folder import JobFolder
from server.jobs.job import DeliveryStatus, JobError, JobStatus
from server.jobs.runners import Runner
from server.jobs.schema import WrongSchema
from server.jobs.store import KeyReused, QueueFull
from server.jobs.work import JobTaken
from server.jobs.writing import KeptSegment, read_segment, read_standings, write_segment, write_standings
from server.recordings.begun import Answered, Begun
from server.resources import BudgetSpent
from server.transcript.logprobs import TextLogprobs, TokenLogprob
from tests.server.jobs.conftest import NEW, SEGMENTS, STOOD, TRANSCRIPT, Clock, Folders, accepted
from tests.support.processes import ROOT

TOKENS = (TokenLogprob("Gr", (71, 114), -0.25), TokenLogprob("\ufffd", (195,), -1.5))


def test_segments_are_kept_with_all_that_they_tell() -> None:
    carried = replace(SEGMENTS[2], logprobs=TextLogprobs(TOKENS, (2, 3)))
    for kept in (KeptSegment(SEGMENTS[0]), KeptSegment(carried, TOKENS)):
        assert read_segment(write_segment(kept)) == kept


def test_where_an_older_server_stood_is_read() -> None:
    (told,) = json.loads(write_standings([STOOD]))
    del told["answered"]
    assert read_standings(json.dumps([told])) == [replace(STOOD, answered=Answered())]


def test_a_job_is_taken_brought_on_and_done(folder: JobFolder, clock: Clock) -> None:
    job = accepted(folder, webhook_url="https://a.example/")
    assert (job.status, job.created_at) == (JobStatus.QUEUED, clock.now)
    clock.now += 10
    taken = folder.work.claim()
    assert taken is not None
    assert (taken.id, taken.status, taken.started_at) == (job.id, JobStatus.IN_PROGRESS, clock.now)
    assert folder.work.claim() is None
    folder.work.heard(taken, audio_seconds=3.0, channels=1)
    clock.now += 5
    for segment in SEGMENTS[:2]:
        folder.work.close_segment(taken, KeptSegment(segment), done_seconds=segment.end, names={})
    now = folder.store.get(job.id)
    assert now is not None
    assert (now.segments, now.done_seconds, now.seconds_left(clock.now)) == (2, 2.0, 2.5)
    assert folder.store.transcript(now) is None
    assert folder.store.begun(now) == Begun(SEGMENTS[:2])
    last = KeptSegment(SEGMENTS[2], TOKENS)
    folder.work.close_segment(taken, last, done_seconds=2.5, names={1: "Ada"}, standings=[STOOD])
    assert folder.store.begun(now) == Begun.of(SEGMENTS, [STOOD])
    done = folder.work.complete(taken, TRANSCRIPT)
    assert (done.status, done.done_seconds, done.seconds_left(clock.now)) == (JobStatus.COMPLETED, 3.0, None)
    assert folder.store.transcript(done) == replace(TRANSCRIPT, logprobs=TOKENS)
    assert folder.store.segments(done, 2) == [KeptSegment(SEGMENTS[2], TOKENS)]
    assert done.delivery is not None
    assert done.delivery.status is DeliveryStatus.PENDING


def test_whoever_has_lost_a_job_says_nothing_of_it_any_more(folders: Folders) -> None:
    one, other = folders.open(), folders.open()
    accepted(one)
    job = one.work.claim()
    assert job is not None
    assert other.work.put_back_from(one.runner.name) == 1
    assert other.work.claim() is not None
    for late in (
        lambda: one.work.progress(job, 1.0),
        lambda: one.work.close_segment(job, KeptSegment(SEGMENTS[0]), done_seconds=1.0, names={}),
        lambda: one.work.complete(job, TRANSCRIPT),
        lambda: one.work.fail(job, JobError("x", "y")),
        lambda: one.work.put_back(job.number),
    ):
        with pytest.raises(JobTaken):
            late()
    now = other.store.get(job.id)
    assert now is not None
    assert (now.segments, now.runner, now.failures) == (0, other.runner.name, 1)
    other.store.cancel(job.id)
    with pytest.raises(JobTaken):
        other.work.complete(job, TRANSCRIPT)


def test_urgent_ones_go_first_then_owners_with_less_in_work(folders: Folders, clock: Clock) -> None:
    folder = folders.open()
    others: list[dict[str, Any]] = [{}, {}, {"owner": "bb"}, {"urgent": True}, {"model": "other"}]
    for number, told in enumerate(others):
        accepted(folder, number, **told)

    def order() -> list[int]:
        return [job.number for job in iter(folder.work.claim, None)]

    assert order() == [4, 3, 1, 2]
    folder.work.put_back(2, after=60.0)
    assert order() == []
    clock.now += 60
    assert order() == [2]
    assert folders.open("other").work.claim() is not None


def test_the_same_key_is_the_same_job(folder: JobFolder) -> None:
    job = accepted(folder, 1, idempotency_key="k", digest="d")
    assert accepted(folder, 2, idempotency_key="k", digest="d") == job
    assert accepted(folder, 3, idempotency_key="k", digest="d", owner="bb") != job
    with pytest.raises(KeyReused):
        accepted(folder, 4, idempotency_key="k", digest="e")


def test_what_there_is_no_room_for_is_not_taken(folder: JobFolder) -> None:
    accepted(folder, 1)
    for limits, error in (
        ({"most_octets": 5, "most_queued": 9}, BudgetSpent),
        ({"most_octets": 6, "most_queued": 1}, QueueFull),
    ):
        with pytest.raises(error):
            folder.store.reserve("job_x", 3, "me", **limits)
    assert folder.store.held() == 3
    assert folder.store.reserve("job_x", 3, "me", most_octets=6, most_queued=2) == []
    for limits, error in (
        ({"most_octets": 8, "most_queued": 9}, BudgetSpent),
        ({"most_octets": 9, "most_queued": 2}, QueueFull),
    ):
        with pytest.raises(error):  # what is reserved is taken
            folder.store.reserve("job_y", 3, "me", **limits)
    assert folder.store.accept("job_x", NEW).octets == folder.store.held() - 3 == 3
    folder.store.cancel("job_x")
    assert folder.store.held() == 3


def test_what_a_dead_process_reserved_is_free_again(folders: Folders) -> None:
    one, other = folders.open(), folders.open()
    one.store.reserve("job_x", 3, one.runner.name, most_octets=9, most_queued=9)
    assert other.work.runners() == {one.runner.name}
    assert other.work.written_by(one.runner.name) == ["job_x"]
    assert other.store.with_recordings() == {"job_x"}
    other.work.put_back_from(one.runner.name)
    assert (other.work.runners(), other.store.held()) == (set(), 0)


def test_recordings_that_are_only_kept_give_way_the_oldest_first(folders: Folders, clock: Clock) -> None:
    folder = folders.open(keeps_recordings=True)
    jobs = [accepted(folder, number) for number in range(4)]
    for job in (jobs[1], jobs[0], jobs[2]):
        folder.store.cancel(job.id)
        clock.now += 1
    assert (folder.store.held(), folder.store.spare()) == (12, 9)
    assert folder.store.with_recordings() == {job.id for job in jobs}
    with pytest.raises(BudgetSpent):
        folder.store.reserve("job_x", 13, "me", most_octets=12 + 3, most_queued=9)
    assert folder.store.spare() == 9, "none went in vain"
    dropped = folder.store.reserve("job_x", 5, "me", most_octets=12, most_queued=9)
    assert dropped == [jobs[1].id, jobs[0].id]
    assert (folder.store.held(), folder.store.spare()) == (3 + 3 + 5, 3)
    clock.now += 100
    folder.store.expire(clock.now - 50)
    assert folder.store.with_recordings() == {jobs[3].id, "job_x"}


def test_what_came_of_a_job_expires_and_then_the_job(folder: JobFolder, clock: Clock) -> None:
    accepted(folder, parameters="secret", webhook_url="https://a.example/")
    job = folder.work.claim()
    assert job is not None
    folder.work.close_segment(job, KeptSegment(SEGMENTS[0]), done_seconds=1.0, names={1: "Ada"})
    done = folder.work.complete(job, TRANSCRIPT)
    assert folder.store.expire(clock.now - 100) == 0
    clock.now += 101
    assert folder.store.expire(clock.now - 100) == 1
    expired = folder.store.get(job.id)
    assert expired is not None
    assert (expired.status, expired.parameters, expired.speaker_names) == (JobStatus.EXPIRED, "{}", {})
    assert folder.store.segments(expired) == []
    assert folder.store.transcript(done) is None
    clock.now += 100
    folder.store.expire(clock.now - 100)
    assert folder.store.get(job.id) is not None, "its message is still to be sent"
    message = folder.outbox.take()
    assert message is not None
    folder.outbox.delivered(message)
    folder.store.expire(clock.now - 100)
    assert folder.store.get(job.id) is None


def test_tables_of_another_version_are_left_alone(folder: JobFolder, folders: Folders) -> None:
    with sqlite3.connect(folders.place / "jobs.db") as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(WrongSchema, match="version 99"):
        folders.open()


def test_what_an_older_version_accepted_is_done(folders: Folders) -> None:
    with sqlite3.connect(folders.place / "jobs.db") as older:
        older.executescript(Path(__file__).with_name("version_1.sql").read_text())
    older.close()
    folder = folders.open()
    assert folder.store.held() == 3
    job = folder.work.claim()
    assert job is not None
    assert (job.number, job.trace, job.octets) == (1, None, 3)
    message = folder.outbox.take()
    assert message is not None
    assert folder.outbox.retry(message, "The receiver answered with 500.")
    told = folder.store.get("job_000000000000000000000002")
    assert told is not None
    assert told.delivery is not None
    assert (told.delivery.attempts, told.delivery.error) == (1, "The receiver answered with 500.")
    accepted(folders.open(), 3, trace="00-1")


def test_everything_is_written_through_before_it_is_answered(folder: JobFolder) -> None:
    db = folder.store._db
    assert [tuple(db.rows(f"PRAGMA {name}")[0]) for name in ("journal_mode", "synchronous", "foreign_keys")] == [
        ("wal",),
        (2,),
        (1,),
    ]


# ------------------------------------------------------------------------------------------------ deaths of processes

_WRITER = """
import sys
from pathlib import Path
from time import time
from io import BytesIO
from server.jobs.folder import JobFolder
from server.jobs.job import NewJob
from server.jobs.writing import KeptSegment
from server.transcript.segments import Segment
folder = JobFolder(Path(sys.argv[1]), "tiny", time)
print(folder.runner.name, flush=True)
folder.store.reserve("job_1", 3, folder.runner.name, most_octets=9, most_queued=9)
folder.recordings.keep("job_1", BytesIO(b"abc"))
folder.store.accept("job_1", NewJob("aa", "tiny", "{}", ""))
job = folder.work.claim()
for number in range(1 << 20):
    kept = KeptSegment(Segment(number, number, number + 1, 0, "x"))
    folder.work.close_segment(job, kept, done_seconds=number + 1, names={})
    print(number, flush=True)
"""


def test_what_was_said_to_be_written_is_there_after_a_kill(folders: Folders) -> None:
    """And the killed process is known to be dead at once, so that its job goes on elsewhere."""
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folders.place)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    name = writer.stdout.readline().strip()
    for _ in range(20):
        writer.stdout.readline()
    folder = folders.open()
    assert not folder.runner.is_dead(name)
    assert folder.work.runners() == {name}
    os.kill(writer.pid, signal.SIGKILL)
    said = 20 + len(writer.stdout.readlines())
    writer.wait()
    writer.stdout.close()
    assert folder.runner.is_dead(name)
    assert folder.work.put_back_from(name) == 1
    job = folder.work.claim()
    assert job is not None
    segments = folder.store.segments(job)
    assert said <= len(segments) <= said + 1, "at most one was written and not said"
    assert [kept.segment.index for kept in segments] == [*range(len(segments))]
    with folder.recordings.open(job.id) as file:
        assert file.read() == b"abc"


def test_processes_see_who_of_them_lives(tmp_path: Path) -> None:
    one, other = Runner(tmp_path), Runner(tmp_path)
    assert not other.is_dead(one.name)
    assert not one.is_dead(one.name)
    one.close()
    assert other.is_dead(one.name)
    assert other.is_dead("never-lived")
    other.tidy()
    assert [place.name for place in tmp_path.iterdir()] == [other.name]
    other.close()


def test_recordings_that_nobody_can_be_copying_any_more_are_removed(tmp_path: Path) -> None:
    files = RecordingFiles(tmp_path)
    for name in ("of-a-job", "left", "new"):
        files.keep(name, BytesIO(b"x" * 10))
    for name in ("of-a-job", "left"):
        os.utime(tmp_path / name, (0, 0))
    files.drop_others({"of-a-job"})
    assert {place.name for place in tmp_path.iterdir()} == {"of-a-job", "new"}


def test_a_recording_is_kept_whole_wherever_it_comes_from(tmp_path: Path) -> None:
    files = RecordingFiles(tmp_path / "kept")
    content = os.urandom(3_000_000)
    (tmp_path / "given").write_bytes(content)
    with (tmp_path / "given").open("rb") as given:
        given.read(7)
        assert files.keep("disk", given) == len(content)
    descriptor = os.memfd_create("given")
    with open(descriptor, "r+b") as given:  # noqa: PTH123 - of a descriptor
        given.write(content)
        given.flush()
        assert files.keep("memory", given) == len(content)
    for name in ("disk", "memory"):
        with files.open(name) as kept:
            assert kept.read() == content
    with pytest.raises(FileExistsError):
        files.keep("disk", BytesIO(b""))
