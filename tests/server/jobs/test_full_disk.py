"""A disk that is full shows it at a transaction's end, when what was written is to lie on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT

SCRIPT = """
import resource, sys, time
from pathlib import Path
from server.jobs.database import Database
from server.resources import BudgetSpent

database = Database(Path(sys.argv[1]) / "jobs.db", time.time)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
written = (Path(sys.argv[1]) / "jobs.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (written + 1000, most))
try:
    with database.transaction():
        database.change("INSERT INTO reservations VALUES ('job', 'runner', 1)")
except BudgetSpent as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
with database.transaction():
    database.change("INSERT INTO reservations VALUES ('job', 'runner', 2)")
print(*database.rows("SELECT octets FROM reservations")[0])
"""


def test_it_is_told_as_what_it_is(tmp_path: Path) -> None:
    """And undone by SQLite: to be told that there is nothing to undo would hide it, and fail the job."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["The server is short of disk space.", "2"], done.stderr
