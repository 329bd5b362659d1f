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
    # 2: reservations for people: queue, bookings, owners' tokens, health
    """
    CREATE TABLE old_reservation AS SELECT * FROM reservation;
    CREATE TABLE old_live AS SELECT * FROM live;
    DROP TABLE live;
    DROP TABLE reservation;
    CREATE TABLE candidates (id TEXT PRIMARY KEY, nodes TEXT NOT NULL) STRICT;
    CREATE TABLE reservation (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'booked', 'held')),
        owner TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process_start INTEGER NOT NULL,
        reason TEXT NOT NULL,
        priority INTEGER NOT NULL,
        candidates TEXT NOT NULL,
        count INTEGER NOT NULL,
        duration REAL NOT NULL,
        time_to_live REAL,
        cleanup INTEGER NOT NULL,
        reachable INTEGER NOT NULL,
        created REAL NOT NULL,
        since REAL NOT NULL,
        starts REAL,
        boot TEXT NOT NULL,
        expires REAL NOT NULL,
        expires_wall REAL NOT NULL,
        ends REAL,
        ends_wall REAL
    ) STRICT;
    CREATE INDEX reservation_expires ON reservation (boot, expires);
    CREATE INDEX reservation_waiting ON reservation (candidates) WHERE state = 'waiting';
    CREATE INDEX reservation_booked ON reservation (starts) WHERE state = 'booked';
    -- one live row a node: double allocation is impossible, not unlikely
    CREATE TABLE live (
        node TEXT PRIMARY KEY,
        reservation TEXT NOT NULL REFERENCES reservation (id) ON DELETE CASCADE
    ) STRICT;
    CREATE INDEX live_by_reservation ON live (reservation);
    CREATE TABLE booked (
        node TEXT NOT NULL,
        reservation TEXT NOT NULL REFERENCES reservation (id) ON DELETE CASCADE,
        PRIMARY KEY (node, reservation)
    ) STRICT;
    CREATE INDEX fence_token ON fence (token);
    CREATE TABLE quarantine (
        node TEXT PRIMARY KEY, reason TEXT NOT NULL, by_whom TEXT NOT NULL, since REAL NOT NULL
    ) STRICT;
    CREATE TABLE health (
        node TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, since REAL NOT NULL, seen REAL NOT NULL
    ) STRICT;
    CREATE INDEX health_unfit ON health (seen) WHERE state <> 'healthy';
    CREATE TABLE dirty (node TEXT PRIMARY KEY, reservation TEXT NOT NULL, since REAL NOT NULL) STRICT;
    INSERT INTO reservation
        SELECT id, '', 'held', owner, host, pid, process_start, reason, 5, '', 1, 86400.0, 60.0, 0, 0, since,
            expires - 60.0, NULL, boot, expires, expires_wall, expires + 86400.0, expires_wall + 86400.0
        FROM old_reservation;
    INSERT INTO live SELECT node, reservation FROM old_live;
    DROP TABLE old_live;
    DROP TABLE old_reservation;
    """,
    # 3: what was last applied to each node, and whether it has drifted since
    """
    CREATE TABLE applied (
        node TEXT NOT NULL,
        playbook TEXT NOT NULL,
        run TEXT NOT NULL,
        at REAL NOT NULL,
        whole INTEGER NOT NULL,
        looked REAL,
        drifted REAL,
        what TEXT NOT NULL,
        steps BLOB NOT NULL,
        PRIMARY KEY (node, playbook)
    ) STRICT;
    """,
    # 4: for how long somebody's word that a node is offline counts, and where somebody stood in the queue, whatever
    # happens to the wall clock
    """
    ALTER TABLE reservation ADD COLUMN waited REAL NOT NULL DEFAULT 0;
    ALTER TABLE health ADD COLUMN boot TEXT NOT NULL DEFAULT '';
    ALTER TABLE health ADD COLUMN seconds REAL NOT NULL DEFAULT 0;
    DROP INDEX health_unfit;
    CREATE INDEX health_unfit ON health (boot, seconds) WHERE state <> 'healthy';
    """,
)
