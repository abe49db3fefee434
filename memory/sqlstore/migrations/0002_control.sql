-- What an owner sets on an endpoint, what is known of its health, and why a
-- delivery was not sent.

-- +goose Up

ALTER TABLE endpoints ADD COLUMN description TEXT;
ALTER TABLE endpoints ADD COLUMN headers TEXT;           -- JSON object of names and values, sealed, base64
ALTER TABLE endpoints ADD COLUMN filter TEXT;            -- JSON; NULL: every message of its types
ALTER TABLE endpoints ADD COLUMN rate_per_second DOUBLE PRECISION NOT NULL DEFAULT 0; -- 0: no limit
ALTER TABLE endpoints ADD COLUMN key_pairs TEXT;         -- like secrets; NULL: ed25519 is switched off
ALTER TABLE endpoints ADD COLUMN paused_by TEXT;
ALTER TABLE endpoints ADD COLUMN disabled_reason TEXT;
ALTER TABLE endpoints ADD COLUMN last_failure_at BIGINT; -- of the failures in a row
ALTER TABLE endpoints ADD COLUMN notice INTEGER NOT NULL DEFAULT 0; -- the worst that was announced of these failures
ALTER TABLE endpoints ADD COLUMN breaker TEXT;           -- JSON; NULL: closed, with nothing to remember
ALTER TABLE endpoints ADD COLUMN probe_at BIGINT;        -- while the breaker is open: when a delivery may go out, or the lease of the one that did

ALTER TABLE deliveries ADD COLUMN detail TEXT;           -- the reason in words: which clause refused
ALTER TABLE deliveries ADD COLUMN replay_id UUID;        -- the bulk replay that last sent it
-- the deliveries of a bulk replay, and of test sends, which have no event
CREATE INDEX deliveries_replay ON deliveries (replay_id, status) WHERE replay_id IS NOT NULL;
CREATE INDEX deliveries_test ON deliveries (id) WHERE cause = 'test';

-- Bulk replays: one endpoint's deliveries of a frozen set, sent again in groups.
CREATE TABLE replays (
    id          UUID NOT NULL PRIMARY KEY,
    project_id  TEXT NOT NULL,
    endpoint_id UUID NOT NULL,
    what        TEXT NOT NULL,
    types       TEXT,            -- JSON array of message types; NULL: all
    since_at    BIGINT,          -- of the message
    until_at    BIGINT,
    frozen_at   BIGINT NOT NULL, -- what changed later is not in the set
    per_second  DOUBLE PRECISION NOT NULL, -- 0: as fast as the endpoint takes them
    state       TEXT NOT NULL,
    total       BIGINT NOT NULL, -- when it was made
    done        BIGINT NOT NULL, -- made due so far
    place       UUID,            -- the last row that was looked at
    made_by     TEXT,
    next_at     BIGINT,          -- of the next group; NULL when it is over
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
-- a project's replays, newest first; those that go on
CREATE INDEX replays_project ON replays (project_id, id);
CREATE INDEX replays_due ON replays (next_at) WHERE next_at IS NOT NULL;
