-- What mem0's API keeps beside memories.

-- +goose Up

ALTER TABLE projects ADD COLUMN members TEXT;      -- JSON array; NULL when none was noted down
ALTER TABLE projects ADD COLUMN deleted_at BIGINT; -- nothing of it can be reached
ALTER TABLE projects ADD COLUMN purged_at BIGINT;  -- and nothing of it is left

-- the history of a project, newest first, and its removal
CREATE INDEX changes_project ON changes (project_id, id);

-- what callers think of a memory: one opinion each
CREATE TABLE feedback (
    memory_id  UUID NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    id         UUID NOT NULL,
    feedback   TEXT NOT NULL, -- POSITIVE, NEGATIVE or VERY_NEGATIVE
    reason     TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX feedback_project ON feedback (project_id);

-- users, agents, apps and runs that were made by name; others come of their memories
CREATE TABLE entities (
    project_id TEXT NOT NULL,
    field      TEXT NOT NULL, -- user_id, agent_id, app_id or run_id
    name       TEXT NOT NULL,
    label      TEXT,
    metadata   TEXT,          -- JSON object
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, field, name)
);

CREATE TABLE exports (
    id         UUID NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    filter     TEXT NOT NULL, -- JSON; an export is asked for by it, too
    result     TEXT NOT NULL, -- JSON
    created_at BIGINT NOT NULL
);
CREATE INDEX exports_project ON exports (project_id, id);

-- how often memories were listed or searched
CREATE TABLE retrievals (
    project_id TEXT NOT NULL PRIMARY KEY,
    count      BIGINT NOT NULL
);

-- lists of one entity, newest first; with what decides whether a memory is shown, so
-- that counting them reads the index alone, and so that all entities do
DROP INDEX memories_user;
DROP INDEX memories_agent;
DROP INDEX memories_app;
DROP INDEX memories_run;
CREATE INDEX memories_user ON memories (project_id, user_id, created_at, id, state, expiration_date, updated_at) WHERE user_id IS NOT NULL;
CREATE INDEX memories_agent ON memories (project_id, agent_id, created_at, id, state, expiration_date, updated_at) WHERE agent_id IS NOT NULL;
CREATE INDEX memories_app ON memories (project_id, app_id, created_at, id, state, expiration_date, updated_at) WHERE app_id IS NOT NULL;
CREATE INDEX memories_run ON memories (project_id, run_id, created_at, id, state, expiration_date, updated_at) WHERE run_id IS NOT NULL;
