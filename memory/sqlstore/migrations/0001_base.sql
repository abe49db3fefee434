-- Times are Unix microseconds in UTC, columns ending in _at. JSON is TEXT. Absent
-- values are NULL, never '' or 0, except where noted.
--
-- One text for both databases, with Postgres' names of types: SQLite takes any
-- name, and keeps a UUID as 16 bytes and a BYTEA as it is.
--
-- The tables written on every event (events, memories, changes, messages,
-- deliveries, attempts) have no foreign keys: their rows are written together by
-- one method each, and a check per row would cost a look-up per row.

-- +goose Up

CREATE TABLE projects (
    id         TEXT PRIMARY KEY, -- proj_...
    name       TEXT NOT NULL,
    settings   TEXT NOT NULL,    -- JSON object
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY, -- key_...
    project_id   TEXT NOT NULL REFERENCES projects (id),
    name         TEXT NOT NULL,
    scope        TEXT NOT NULL,        -- admin or read
    hash         BYTEA NOT NULL UNIQUE, -- SHA-256 of the key; looked up on every request
    hint         TEXT NOT NULL,        -- last characters, for people
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

CREATE TABLE events (
    id           UUID NOT NULL PRIMARY KEY,
    project_id   TEXT NOT NULL,
    kind         TEXT NOT NULL,
    status       TEXT NOT NULL,
    user_id      TEXT,
    agent_id     TEXT,
    app_id       TEXT,
    run_id       TEXT,
    scope_key    BYTEA,   -- of adds that infer facts: they run one after another
    infer        BOOLEAN NOT NULL,
    payload      TEXT,    -- the request as received
    request      TEXT,    -- what is to be done; NULL once final
    reason       TEXT,
    error        TEXT,
    tries        INTEGER NOT NULL,
    next_at      BIGINT,  -- if not finished by then, somebody may take it; NULL when final
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    started_at   BIGINT,
    completed_at BIGINT
);
-- list of a project, newest first
CREATE INDEX events_project ON events (project_id, id);
-- the pump: what is due
CREATE INDEX events_due ON events (next_at) WHERE next_at IS NOT NULL;
-- whose turn it is in a scope
CREATE INDEX events_turn ON events (scope_key, id) WHERE next_at IS NOT NULL AND scope_key IS NOT NULL;

CREATE TABLE memories (
    id              UUID NOT NULL PRIMARY KEY,
    project_id      TEXT NOT NULL,
    scope_key       BYTEA NOT NULL,
    user_id         TEXT,
    agent_id        TEXT,
    app_id          TEXT,
    run_id          TEXT,
    text            TEXT NOT NULL,
    hash            TEXT NOT NULL,
    subject         TEXT,
    metadata        TEXT,
    categories      TEXT, -- JSON array of strings
    immutable       BOOLEAN NOT NULL,
    expiration_date TEXT, -- YYYY-MM-DD
    state           TEXT NOT NULL,
    replaced_by     UUID,
    linked          TEXT, -- JSON array of UUIDs
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
-- recall by exact text, and by subject
CREATE INDEX memories_hash ON memories (scope_key, hash);
CREATE INDEX memories_subject ON memories (scope_key, subject) WHERE subject IS NOT NULL;
-- lists of one entity, newest first
CREATE INDEX memories_user ON memories (project_id, user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX memories_agent ON memories (project_id, agent_id, created_at, id) WHERE agent_id IS NOT NULL;
CREATE INDEX memories_app ON memories (project_id, app_id, created_at, id) WHERE app_id IS NOT NULL;
CREATE INDEX memories_run ON memories (project_id, run_id, created_at, id) WHERE run_id IS NOT NULL;

-- What each event did to each memory: the event's results and the memory's history.
CREATE TABLE changes (
    id                UUID NOT NULL PRIMARY KEY,
    project_id        TEXT NOT NULL,
    event_id          UUID NOT NULL,
    memory_id         UUID NOT NULL,
    kind              TEXT NOT NULL,
    text              TEXT NOT NULL, -- after the change; before it on DELETE
    before            TEXT,          -- NULL on ADD
    user_id           TEXT,
    agent_id          TEXT,
    app_id            TEXT,
    run_id            TEXT,
    metadata          TEXT,
    categories        TEXT,
    memory_created_at BIGINT NOT NULL,
    created_at        BIGINT NOT NULL
);
CREATE INDEX changes_event ON changes (event_id, id);
CREATE INDEX changes_memory ON changes (memory_id, id);

CREATE TABLE endpoints (
    id              UUID NOT NULL PRIMARY KEY,
    project_id      TEXT NOT NULL REFERENCES projects (id),
    name            TEXT NOT NULL,
    url             TEXT NOT NULL,
    event_types     TEXT NOT NULL, -- JSON array of strings
    format          TEXT NOT NULL,
    secrets         TEXT NOT NULL, -- JSON array, each secret sealed, newest first
    timeout_ms      BIGINT NOT NULL, -- 0: the default
    schedule        TEXT,          -- JSON; NULL: the default
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    paused_at       BIGINT,
    disabled_at     BIGINT,
    deleted_at      BIGINT,
    hold_until_at   BIGINT,        -- Retry-After of a 429 or 503
    failing_at      BIGINT,        -- first failure after the last success
    last_success_at BIGINT,
    failures        INTEGER NOT NULL -- in a row
);
CREATE INDEX endpoints_project ON endpoints (project_id, id);

CREATE TABLE messages (
    id         UUID NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    event_id   UUID NOT NULL,
    memory_id  UUID, -- NULL for messages about an event as a whole
    type       TEXT NOT NULL,
    body       BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX messages_event ON messages (event_id, id);

CREATE TABLE deliveries (
    id          UUID NOT NULL PRIMARY KEY,
    project_id  TEXT NOT NULL,
    event_id    UUID NOT NULL,
    message_id  UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    status      TEXT NOT NULL,
    reason      TEXT,
    next_at     BIGINT,           -- due time, retry time, lease; NULL when nothing is left to do
    attempts    INTEGER NOT NULL, -- recorded so far
    tries       INTEGER NOT NULL, -- of those, how many count for the schedule of this round
    round_at    BIGINT NOT NULL,  -- when this round of tries began: creation or the last resend
    cause       TEXT NOT NULL,    -- the next attempt's trigger
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
-- the pump: what is due, endpoint by endpoint
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_at) WHERE next_at IS NOT NULL;
-- the trail of an event
CREATE INDEX deliveries_event ON deliveries (event_id, id);
-- pausing, resuming and deleting an endpoint
CREATE INDEX deliveries_held ON deliveries (endpoint_id, id) WHERE status = 'held';

CREATE TABLE attempts (
    id               UUID NOT NULL,
    delivery_id      UUID NOT NULL,
    number           INTEGER NOT NULL, -- from 1
    cause            TEXT NOT NULL,    -- trigger
    url              TEXT NOT NULL,
    started_at       BIGINT NOT NULL,
    duration_us      BIGINT NOT NULL,
    phases           TEXT NOT NULL,    -- JSON object, microseconds
    status_code      INTEGER,          -- NULL when no answer came
    class            TEXT,             -- NULL on success
    detail           TEXT,
    remote_addr      TEXT,
    request_headers  TEXT,
    response_headers TEXT,
    response_body    BYTEA,
    truncated        BOOLEAN NOT NULL,
    retry_after_us   BIGINT NOT NULL,  -- 0: the receiver did not ask
    next_at          BIGINT,           -- when the next try was planned for
    PRIMARY KEY (delivery_id, number)
);
