-- +goose Up

-- Services that post webhooks here, to be relayed.
CREATE TABLE sources (
    id           UUID NOT NULL PRIMARY KEY,
    project_id   TEXT NOT NULL REFERENCES projects (id),
    name         TEXT NOT NULL,
    verification TEXT NOT NULL,
    header       TEXT,
    secret       BYTEA,                 -- sealed; NULL when nothing is verified
    token        BYTEA NOT NULL,        -- sealed: the last part of the address
    token_hash   BYTEA NOT NULL UNIQUE, -- SHA-256 of it; looked up on every request
    window_us    BIGINT NOT NULL,       -- how long repeats are dropped, in microseconds
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    paused_at    BIGINT
);
CREATE INDEX sources_project ON sources (project_id, id);

-- What each source has sent within its window.
CREATE TABLE source_seen (
    source_id  UUID NOT NULL,
    key        BYTEA NOT NULL, -- SHA-256 of the sender's ID for the request, or of its body
    event_id   UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (source_id, key) -- of two copies at once, one is accepted
);
-- pruning
CREATE INDEX source_seen_expired ON source_seen (expires_at);
