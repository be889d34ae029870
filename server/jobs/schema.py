"""The tables, and how a connection to them is set up."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

VERSION: Final = 3
_BUSY_SECONDS: Final = 30.0
"""Another process may write; none does so for longer than some milliseconds."""

_TABLES: Final = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,
    parameters TEXT NOT NULL,
    digest TEXT NOT NULL,
    urgent INTEGER NOT NULL,
    filename TEXT,
    idempotency_key TEXT,
    octets INTEGER NOT NULL,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    due_at REAL NOT NULL DEFAULT 0,
    runner TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    audio_seconds REAL,
    done_seconds REAL NOT NULL DEFAULT 0,
    pace_at REAL,
    pace_from REAL NOT NULL DEFAULT 0,
    channels INTEGER NOT NULL DEFAULT 1,
    speaker_names TEXT NOT NULL DEFAULT '{}',
    standings TEXT NOT NULL DEFAULT '[]',
    result TEXT,
    error TEXT,
    trace TEXT
) STRICT;
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_by_status ON jobs (status, due_at);
CREATE INDEX jobs_by_owner ON jobs (owner, number);
CREATE TABLE segments (
    job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    segment TEXT NOT NULL,
    PRIMARY KEY (job, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
    job INTEGER PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE,
    message TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    status TEXT NOT NULL,
    body TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    ended_at REAL,
    due_at REAL NOT NULL DEFAULT 0,
    error TEXT
) STRICT;
CREATE INDEX deliveries_by_status ON deliveries (status, due_at);
CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    runner TEXT NOT NULL,
    octets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_CHANGES: Final = {
    1: """
ALTER TABLE jobs ADD COLUMN trace TEXT;
ALTER TABLE deliveries ADD COLUMN error TEXT;
CREATE TABLE reservations (
    id TEXT PRIMARY KEY,
    runner TEXT NOT NULL,
    octets INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
""",
    2: "ALTER TABLE jobs ADD COLUMN standings TEXT NOT NULL DEFAULT '[]'",
}
"""What makes the tables of a version those of the next: a newer server keeps what an older one accepted."""


class WrongSchema(Exception):  # noqa: N818 - it is the schema that is wrong
    """The file was written by a newer version of this program."""


def connect(file: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to ``file``, which is made where it is not there.

    Every commit is on the disk when it returns (``synchronous`` is FULL, which belongs to the connection and not to the
    file): what is accepted outlives the machine's power. Raises WrongSchema, sqlite3.Error.
    """
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    _make_tables(connection, file)
    return connection


def _make_tables(connection: sqlite3.Connection, file: Path) -> None:
    """By whichever of several processes comes first; those of an older version become those of this one."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not 0 <= version <= VERSION:
            raise WrongSchema(f"{file} has version {version} of the tables, and this server knows version {VERSION}.")
        steps = [_CHANGES[step] for step in range(version, VERSION)] if version else [_TABLES]
        for statement in ";".join(steps).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself undoes one for which the disk has no room
            connection.execute("ROLLBACK")
        raise
