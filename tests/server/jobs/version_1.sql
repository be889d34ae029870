-- The tables as the first version of them was, with a job that waits and one that was told of.
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
    result TEXT,
    error TEXT
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
    due_at REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deliveries_by_status ON deliveries (status, due_at);
PRAGMA user_version = 1;
INSERT INTO jobs (id, owner, model, status, parameters, digest, urgent, octets, created_at)
    VALUES ('job_000000000000000000000001', 'aa', 'tiny', 'queued', '{}', '', 0, 3, 1.0);
INSERT INTO jobs (id, owner, model, status, parameters, digest, urgent, octets, created_at, finished_at)
    VALUES ('job_000000000000000000000002', 'aa', 'tiny', 'cancelled', '{}', '', 0, 0, 1.0, 2.0);
INSERT INTO deliveries (job, message, url, status) VALUES (2, 'msg_1', 'https://a.example/', 'pending');
