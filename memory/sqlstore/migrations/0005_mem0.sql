-- What mem0's API keeps beside memories.

-- +goose Up

ALTER TABLE projects ADD COLUMN members TEXT;      -- JSON array; NULL when none was noted down
ALTER TABLE projects ADD COLUMN deleted_at BIGINT; -- nothing of it can be reached
ALTER TABLE projects ADD COLUMN purged_at BIGINT;  -- and nothing of it is left

-- the history of a project, newest first, and its removal
CREATE INDEX changes_project ON changes (project_id, id);
