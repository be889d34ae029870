"""Budgets that many share, and what a machine has."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.resources import Budget, BudgetSpent, Resource, memory_limit, spent_resource


def test_nobody_gets_more_than_is_left() -> None:
    budget = Budget(Resource.DISK, 100)
    with budget.share() as one, budget.share() as other:
        one.take(60)
        with pytest.raises(BudgetSpent, match="disk space"):
            other.take(41)
        assert not other.offered(41)
        other.take(40)
        assert (budget.used, budget.left) == (100, 0)
        one.give_back()
        one.give_back()
        assert budget.used == 40
        other.take(60)
    assert budget.used == 0


def test_many_threads_at_once() -> None:
    budget = Budget(Resource.MEMORY, 1 << 20)

    def take_and_give(_: int) -> None:
        for _ in range(200):
            with budget.share() as share:
                share.take(7)
                share.take(11)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take_and_give, range(8)))
    assert budget.used == 0


@pytest.mark.parametrize(
    ("own", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "500000"}, 500_000),  # a container that sees its own group as the root
        ("0::/pod/one\n", {"pod/memory.max": "400000", "pod/one/memory.max": "max"}, 400_000),
        ("0::/pod\n", {"memory.max": "max"}, None),
        ("4:memory:/a/b\n0::/\n", {"memory/a/memory.limit_in_bytes": "300000"}, 300_000),
        ("4:cpu,memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),  # v1's way to say none
        ("5:cpu:/a\n", {"a/memory.max": "1"}, None),
        ("", {}, None),
    ],
)
def test_memory_is_what_the_control_group_allows(
    tmp_path: Path, own: str, files: dict[str, str], limit: int | None
) -> None:
    (tmp_path / "own").write_text(own)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    machine = memory_limit(tmp_path / "nothing", tmp_path / "nothing")
    assert memory_limit(tmp_path, tmp_path / "own") == (limit or machine)
    assert machine > 1 << 28


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (OSError(errno.ENOSPC, "full"), Resource.DISK),
        (OSError(errno.EDQUOT, "full"), Resource.DISK),
        (OSError(errno.EMFILE, "many"), Resource.DESCRIPTORS),
        (MemoryError(), Resource.MEMORY),
        (ConnectionResetError(), None),
        (ValueError(), None),
    ],
)
def test_what_the_system_says_is_understood(error: Exception, spent: Resource | None) -> None:
    assert spent_resource(error) is spent


def test_as_many_files_as_the_user_may_open() -> None:
    """In a process of its own: a limit that was lowered could not be raised again."""
    code = (
        "import resource; from server.resources import raise_descriptor_limit as up;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 200));"
        "print(up(), resource.getrlimit(resource.RLIMIT_NOFILE)[0], up())"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 200
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["200", "200", "200"]
