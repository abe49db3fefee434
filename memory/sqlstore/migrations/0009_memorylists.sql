-- +goose Up

-- all memories of a project, newest first; with what decides whether one is shown, so
-- that counting them reads the index alone
CREATE INDEX memories_project ON memories (project_id, created_at, id, state, expiration_date);
