-- What of a memory is under way or held, for endpoints that keep an order.

-- +goose Up

CREATE INDEX deliveries_lane_taken ON deliveries (endpoint_id, lane, turn) WHERE lane IS NOT NULL AND status IN ('sending', 'held');
