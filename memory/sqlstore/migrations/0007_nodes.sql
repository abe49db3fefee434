-- The servers that share the database, and who of them has which work in its hands.

-- +goose Up

CREATE TABLE nodes (
    id         UUID NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL, -- host and process, for people
    role       TEXT NOT NULL,
    version    TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL -- both by the database's clock
);

-- What is true of the database as a whole: "seal" is a text sealed with the key of
-- its secrets, so that a node with another one is found out.
CREATE TABLE marks (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The node that has the lease, if nodes share the database. It stays when the lease
-- is over. There is no index: what a node that died had is looked for once.
ALTER TABLE events ADD COLUMN node_id UUID;
ALTER TABLE deliveries ADD COLUMN node_id UUID;

-- The trace it belongs to, as the header traceparent has it.
ALTER TABLE events ADD COLUMN trace TEXT;
ALTER TABLE messages ADD COLUMN trace TEXT;
