-- How many events and memories a project has: mem0's API tells with every page.

-- +goose Up

CREATE TABLE counts (
    project_id TEXT NOT NULL,
    what       TEXT NOT NULL,    -- the kind of event, or memory
    part       INTEGER NOT NULL, -- the rows of each are to be added up; -1: what was pruned
    n          BIGINT NOT NULL,
    PRIMARY KEY (project_id, what, part)
);
INSERT INTO counts (project_id, what, part, n) SELECT project_id, kind, 0, count(*) FROM events GROUP BY project_id, kind;
INSERT INTO counts (project_id, what, part, n) SELECT project_id, 'memory', 0, count(*) FROM memories GROUP BY project_id;
