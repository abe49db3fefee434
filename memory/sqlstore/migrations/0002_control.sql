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
