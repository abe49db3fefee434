-- The messages of a project as a list that grows at its end only. IDs are made before
-- the commit, by clocks that differ, so their order is no such list: one that commits
-- late would stand before what a reader has passed. The number of the commit is.

-- +goose Up

CREATE TABLE feeds (
    project_id TEXT NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL -- of the last commit with messages
);

-- A table of its own, so that pruning never waits for a commit or holds one up.
CREATE TABLE feeds_pruned (
    project_id TEXT NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL -- the highest of which messages were removed
);

ALTER TABLE messages ADD COLUMN seq BIGINT DEFAULT 0; -- of its commit; NULL for those made for one endpoint, 0 for what is older than this column
-- the feed of a project, in order
CREATE INDEX messages_feed ON messages (project_id, seq, id);
