-- Who has signed in to the web pages. Tokens are kept as SHA-256 hashes.

-- +goose Up

CREATE TABLE sessions (
    id             BYTEA PRIMARY KEY, -- hash of the browser's token
    key_hash       BYTEA NOT NULL,    -- of the API key it signed in with
    created_at     BIGINT NOT NULL,
    seen_at        BIGINT NOT NULL,
    proved_at      BIGINT NOT NULL,   -- when the key or a link was last shown
    shown          TEXT,              -- ID of the endpoint whose secrets it may see
    shown_until_at BIGINT
);

-- Links that sign one browser in.
CREATE TABLE login_links (
    id       BYTEA PRIMARY KEY, -- hash of the link's token
    key_hash BYTEA NOT NULL,
    until_at BIGINT NOT NULL
);

-- Forms that were sent, so that a second press of the button does nothing twice.
CREATE TABLE forms (
    id         BYTEA PRIMARY KEY, -- hash of the session and the form's token
    went       TEXT,              -- where the answer led; NULL while the work is going on
    created_at BIGINT NOT NULL
);
