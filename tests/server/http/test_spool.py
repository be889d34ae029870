"""Bodies on their way in: short ones in memory, others on the disk, and what happens when there is no room."""

from __future__ import annotations

import os
import subprocess
import sys
from threading import Event, Thread

import pytest

from server.http.spool import IN_MEMORY, Spool
from server.resources import Budget, BudgetSpent, Resource, Share
from tests.support.processes import open_descriptors, opened_since

MIB = 1 << 20
CONTENT = bytes(range(251)) * 40_000
"""Ten megabytes of which no two blocks are the same."""


def make_spool(*, disk: int = 64 * MIB, memory: int = 64 * MIB) -> Spool:
    return Spool(Budget(Resource.DISK, disk), Budget(Resource.MEMORY, memory))


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY, IN_MEMORY + 1, len(CONTENT)])
@pytest.mark.parametrize("step", [10_000, 300_000])
async def test_what_goes_in_comes_out(size: int, step: int) -> None:
    spool = make_spool()
    with spool.file() as spooled:
        for at in range(0, size, step):
            await spooled.write(CONTENT[at : min(at + step, size)])
        file = spooled.opened()
        assert spooled.size == size
        assert file.read() == CONTENT[:size]
        assert os.pread(file.fileno(), size + 1, 0) == CONTENT[:size], "other processes read it by its descriptor"
        assert spooled.opened().read(3) == CONTENT[: min(3, size)], "opened again it is at its start again"
        assert (spool.disk.used > 0) == (size > IN_MEMORY)
        assert (spool.memory.used > 0) == (0 < size <= IN_MEMORY)
    assert (spool.disk.used, spool.memory.used) == (0, 0)
    assert file.closed


async def test_little_is_held_of_what_is_long() -> None:
    spool = make_spool()
    with spool.file() as spooled:
        most = 0
        for at in range(0, len(CONTENT), 1_000):
            await spooled.write(CONTENT[at : at + 1_000])
            most = max(most, spool.memory.used)
        assert most <= IN_MEMORY
        assert spool.memory.used < IN_MEMORY // 4
        assert spool.used > len(CONTENT) - IN_MEMORY // 4


async def test_without_memory_short_bodies_go_to_the_disk() -> None:
    spool = make_spool(memory=1_000)
    with spool.file() as one, spool.file() as other:
        await one.write(CONTENT[:900])
        await other.write(CONTENT[:5_000])
        assert (spool.memory.used, spool.disk.used) == (900, 5_000)
        assert one.opened().read() == CONTENT[:900]
        assert other.opened().read() == CONTENT[:5_000]


async def test_beyond_the_budget_nothing_is_written_and_all_is_given_back() -> None:
    spool = make_spool(disk=4 * MIB)

    async def write_all() -> None:
        with spool.file() as large:
            for at in range(0, len(CONTENT), 100_000):
                await large.write(CONTENT[at : at + 100_000])

    with pytest.raises(BudgetSpent, match="disk space"):
        await write_all()
    assert (spool.disk.used, spool.memory.used) == (0, 0)
    with spool.file() as next_one:
        await next_one.write(CONTENT[: 3 * MIB])
        assert next_one.opened().read() == CONTENT[: 3 * MIB]


def test_what_is_announced_is_looked_at_before_it_comes() -> None:
    spool = make_spool(disk=4 * MIB)
    spool.check(4 * MIB)
    with pytest.raises(BudgetSpent):
        spool.check(4 * MIB + 1)
    with spool.disk.share() as share:
        share.take(4 * MIB)
        spool.check(IN_MEMORY)  # needs no disk
        with pytest.raises(BudgetSpent):
            spool.check(IN_MEMORY + 1)


def test_a_disk_that_is_full_before_the_budget_is() -> None:
    """The system refuses to write on: here for the length of the file, which it says in the same way."""
    code = """
import asyncio, resource
from server.http.spool import Spool
from server.resources import Budget, BudgetSpent, Resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
async def main():
    spool = Spool(Budget(Resource.DISK, 1 << 40), Budget(Resource.MEMORY, 1 << 30))
    try:
        with spool.file() as large:
            for _ in range(40):
                await large.write(bytes(100_000))
    except BudgetSpent as error:
        print(error.resource.name, spool.disk.used, spool.memory.used)
    with spool.file() as small:
        await small.write(b"small")
        print(small.opened().read())
asyncio.run(main())
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n") == ["DISK 0 0", "b'small'", ""]


class SlowDisk(Budget):
    """Who wants room on it waits for ``ready``."""

    def __init__(self) -> None:
        super().__init__(Resource.DISK, 64 * MIB)
        self.asked, self.ready = Event(), Event()

    def share(self) -> Share:
        disk = self

        class SlowShare(Share):
            def take(self, octets: int) -> None:
                disk.asked.set()
                assert disk.ready.wait(20)
                super().take(octets)

        return SlowShare(self)


def test_what_a_thread_still_writes_is_given_back_when_it_was_closed_meanwhile() -> None:
    """So it is when a request is cancelled: its task does not wait for the thread."""
    disk = SlowDisk()
    spool = Spool(disk, Budget(Resource.MEMORY, 64 * MIB))
    spooled = spool.file()
    thread = Thread(target=spooled.write_in_thread, args=(CONTENT,))
    before = open_descriptors()
    thread.start()
    assert disk.asked.wait(20)
    spooled.close()
    disk.ready.set()
    thread.join()
    with pytest.raises(ValueError, match="closed"):
        spooled.write_in_thread(CONTENT)
    assert (spool.disk.used, spool.memory.used) == (0, 0)
    assert not opened_since(before)
