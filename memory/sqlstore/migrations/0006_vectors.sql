-- What a memory's text means, for search. It stands in the memory's row: it is read
-- with the text, and goes where the text goes.

-- +goose Up

ALTER TABLE memories ADD COLUMN vector BYTEA;      -- see memory.Vector; empty: the text cannot be embedded
ALTER TABLE memories ADD COLUMN vector_model TEXT; -- what made it; NULL until it is made

-- texts that have no vector yet, or another model's
CREATE INDEX memories_vector ON memories (vector_model, id);
