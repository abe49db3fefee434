-- +goose Up

ALTER TABLE projects ADD COLUMN members TEXT; -- JSON array; NULL when none was noted down
