-- Erasures: memories whose text is taken out of everything that is stored, and who
-- acknowledged that they are to be forgotten.

-- +goose Up

CREATE TABLE erasures (
    id          UUID NOT NULL PRIMARY KEY, -- that of the event that deletes the memories
    project_id  TEXT NOT NULL,
    user_id     TEXT,             -- all NULL: the memories were named
    agent_id    TEXT,
    app_id      TEXT,
    run_id      TEXT,
    whole       BOOLEAN NOT NULL, -- everything of the scope, also what made no memory
    state       TEXT NOT NULL,
    error       TEXT,
    part        TEXT NOT NULL,    -- of the work: what is looked at
    place       TEXT,             -- the last row of the part that was looked at
    owner       INTEGER NOT NULL, -- of several scopes, which
    counts      TEXT NOT NULL,    -- JSON: what was scrubbed so far
    made_by     TEXT NOT NULL,
    next_at     BIGINT,           -- of the next group; NULL when it is over
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
-- a project's erasures, newest first; those that go on
CREATE INDEX erasures_project ON erasures (project_id, id);
CREATE INDEX erasures_due ON erasures (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE erased_memories (
    memory_id   UUID NOT NULL PRIMARY KEY, -- a memory is erased once
    project_id  TEXT NOT NULL,
    erasure_id  UUID NOT NULL,
    user_id     TEXT,
    agent_id    TEXT,
    app_id      TEXT,
    run_id      TEXT,
    scrubbed_at BIGINT -- NULL while its text may still be stored
);
CREATE INDEX erased_memories_of ON erased_memories (erasure_id, memory_id);
-- what is left to do of an erasure
CREATE INDEX erased_memories_left ON erased_memories (erasure_id, memory_id) WHERE scrubbed_at IS NULL;
CREATE INDEX erased_memories_project ON erased_memories (project_id);

-- Who was told: endpoints that were sent something of the memory, and those that are
-- sent its erasure. What becomes of a delivery stands in its own row; it is noted
-- here when that row is pruned.
CREATE TABLE erasure_receivers (
    erasure_id      UUID NOT NULL,
    memory_id       UUID NOT NULL,
    endpoint_id     UUID NOT NULL,
    project_id      TEXT NOT NULL,
    sent            INTEGER NOT NULL, -- messages of the memory that it was sent before, as far as they are on record
    delivery_id     UUID,             -- of the erasure; NULL: it is not told
    status          TEXT,
    reason          TEXT,
    acknowledged_at BIGINT,
    PRIMARY KEY (erasure_id, memory_id, endpoint_id)
);
CREATE INDEX erasure_receivers_project ON erasure_receivers (project_id);
CREATE INDEX erasure_receivers_delivery ON erasure_receivers (delivery_id) WHERE delivery_id IS NOT NULL;

-- What a project signs receipts with. The newest one signs.
CREATE TABLE receipt_keys (
    id         UUID NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    public     TEXT NOT NULL,
    private    BYTEA NOT NULL, -- sealed
    created_at BIGINT NOT NULL
);
CREATE INDEX receipt_keys_project ON receipt_keys (project_id, id);

ALTER TABLE messages ADD COLUMN scrubbed_at BIGINT; -- the body has no text any more
ALTER TABLE deliveries ADD COLUMN erasure_id UUID;  -- that it tells of: it goes before all others
-- those that go first
CREATE INDEX deliveries_erasure ON deliveries (endpoint_id, next_at) WHERE erasure_id IS NOT NULL AND next_at IS NOT NULL;
