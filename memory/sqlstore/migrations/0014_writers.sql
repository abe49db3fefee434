-- Who wrote what an event is about, for endpoints that are not told of their own changes.

-- +goose Up

ALTER TABLE events ADD COLUMN writer TEXT; -- the API key, or the source; NULL: not known
