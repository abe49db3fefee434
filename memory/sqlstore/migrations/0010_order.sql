-- Messages of one memory in the order of its changes, for endpoints that ask for it.

-- +goose Up

ALTER TABLE endpoints ADD COLUMN ordering TEXT;                    -- memory or latest; NULL: none

ALTER TABLE deliveries ADD COLUMN lane UUID;                       -- the memory, where its endpoint keeps an order
ALTER TABLE deliveries ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;  -- place in the lane: lower ones go first
-- the last turn that was taken
CREATE INDEX deliveries_lane ON deliveries (endpoint_id, lane, turn) WHERE lane IS NOT NULL;
-- who goes before a delivery
CREATE INDEX deliveries_lane_open ON deliveries (endpoint_id, lane, turn) WHERE lane IS NOT NULL AND next_at IS NOT NULL;
