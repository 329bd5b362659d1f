"""The tables, as numbered steps that are never changed once released."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    # 1: who holds what, what was run, which handlers are owed
    """
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE reservation (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process_start INTEGER NOT NULL,
        reason TEXT NOT NULL,
        since REAL NOT NULL,
        boot TEXT NOT NULL,
        expires REAL NOT NULL,
        expires_wall REAL NOT NULL
    ) STRICT;
    -- one live row a node: double allocation is impossible, not unlikely
    CREATE TABLE live (
        node TEXT PRIMARY KEY,
        reservation TEXT NOT NULL REFERENCES reservation (id) ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX live_reservation ON live (reservation);
    CREATE TABLE fence (node TEXT PRIMARY KEY, token INTEGER NOT NULL) STRICT;
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        playbook TEXT NOT NULL,
        mode TEXT NOT NULL,
        owner TEXT NOT NULL,
        started REAL NOT NULL,
        ended REAL,
        status TEXT NOT NULL,
        exit_code INTEGER,
        nodes INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX run_started ON run (started);
    CREATE TABLE node_run (
        node TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        status TEXT NOT NULL,
        changed INTEGER NOT NULL,
        ended REAL NOT NULL
    ) STRICT;
    CREATE TABLE pending_handler (
        node TEXT NOT NULL,
        playbook TEXT NOT NULL,
        handler TEXT NOT NULL,
        run TEXT NOT NULL,
        since REAL NOT NULL,
        PRIMARY KEY (node, playbook, handler)
    ) STRICT;
    """,
)
