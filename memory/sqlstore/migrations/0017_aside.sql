-- Messages that are in no feed, which pruning finds when their event is gone.

-- +goose Up

CREATE INDEX messages_aside ON messages (id) WHERE seq IS NULL;
