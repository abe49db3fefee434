-- What lists of deliveries and events are read by. Failures, what waits and what
-- was put aside have indexes of their own, so that what goes well pays for few.

-- +goose Up

ALTER TABLE deliveries ADD COLUMN type TEXT;          -- of the message
ALTER TABLE deliveries ADD COLUMN last_code INTEGER;  -- of the last attempt, NULL when no answer came
ALTER TABLE deliveries ADD COLUMN last_class TEXT;    -- of the last attempt, NULL on success

-- all deliveries of a project, and of an endpoint, newest first
CREATE INDEX deliveries_project ON deliveries (project_id, id);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, id);
-- those that wait
CREATE INDEX deliveries_open ON deliveries (project_id, id) WHERE next_at IS NOT NULL;
-- those in a state in which nothing happens by itself
CREATE INDEX deliveries_project_rest ON deliveries (project_id, status, id) WHERE status IN ('failed', 'held', 'skipped', 'canceled');
CREATE INDEX deliveries_endpoint_rest ON deliveries (endpoint_id, status, id) WHERE status IN ('failed', 'held', 'skipped', 'canceled');
-- those whose last attempt failed
CREATE INDEX deliveries_trouble ON deliveries (project_id, id) WHERE last_class IS NOT NULL;
-- what changed since
CREATE INDEX deliveries_updated ON deliveries (updated_at, id);

-- events of a user, agent or run, and failed ones, newest first
CREATE INDEX events_user ON events (project_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_agent ON events (project_id, agent_id, id) WHERE agent_id IS NOT NULL;
CREATE INDEX events_run ON events (project_id, run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX events_failed ON events (project_id, id) WHERE status = 'FAILED';

CREATE TABLE audit (
    id         UUID NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL, -- the ID of a key, or system
    actor_hint TEXT,
    action     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    detail     TEXT
);
-- a project's entries, and those about one thing, newest first
CREATE INDEX audit_project ON audit (project_id, id);
CREATE INDEX audit_subject ON audit (project_id, subject, id);

-- messages of a project, newest first
CREATE INDEX messages_project ON messages (project_id, id);

-- What happened, counted: by the minute and by the hour, for every endpoint.
CREATE TABLE tallies (
    project_id      TEXT NOT NULL,
    span            INTEGER NOT NULL, -- 1: a minute, 60: an hour
    minute          BIGINT NOT NULL,  -- in which it begins, since 1970
    endpoint_id     UUID NOT NULL,
    part            INTEGER NOT NULL, -- Postgres keeps several rows of each, to be added up
    created         INTEGER NOT NULL,
    skipped         INTEGER NOT NULL,
    held            INTEGER NOT NULL,
    succeeded       INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    failed_attempts INTEGER NOT NULL,
    took_0          INTEGER NOT NULL, -- attempts of up to 10 ms, 25 ms and so on; the last is open
    took_1          INTEGER NOT NULL,
    took_2          INTEGER NOT NULL,
    took_3          INTEGER NOT NULL,
    took_4          INTEGER NOT NULL,
    took_5          INTEGER NOT NULL,
    took_6          INTEGER NOT NULL,
    took_7          INTEGER NOT NULL,
    took_8          INTEGER NOT NULL,
    took_9          INTEGER NOT NULL,
    took_10         INTEGER NOT NULL,
    took_11         INTEGER NOT NULL,
    PRIMARY KEY (project_id, span, minute, endpoint_id, part)
);

-- Answers to requests with an Idempotency-Key, to be given again.
CREATE TABLE idempotency (
    project_id TEXT NOT NULL,
    key        TEXT NOT NULL,
    request    BYTEA NOT NULL,  -- SHA-256 of method, path and body
    claimed_at BIGINT NOT NULL, -- when it began to be carried out
    status     INTEGER,         -- NULL while it is carried out
    headers    TEXT,            -- JSON
    body       BYTEA,
    PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_old ON idempotency (claimed_at);
