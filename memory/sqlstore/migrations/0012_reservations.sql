-- Requests with an idempotency key that a crash cut off are carried out again, and find
-- what they did.

-- +goose Up

ALTER TABLE idempotency ADD COLUMN node_id UUID;  -- who carries it out, if nodes share the database
ALTER TABLE idempotency ADD COLUMN event_id UUID; -- of the event that it makes, if it makes one
