package delivery_test

import (
	"testing"
	"time"

	"memhook/delivery"
	"memhook/retry"
)

func TestStanding(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	before, after := now.Add(-time.Hour), now.Add(time.Hour)
	open := delivery.Health{Breaker: retry.Breaker{State: retry.Open, ProbeAt: after}, FailingSince: &before, Failures: 12}
	tests := []struct {
		name  string
		e     delivery.Endpoint
		state delivery.EndpointState
		until *time.Time
	}{
		{name: "nothing wrong", state: delivery.EndpointActive},
		{name: "failing, still tried", e: delivery.Endpoint{Health: delivery.Health{FailingSince: &before, Failures: 3}}, state: delivery.EndpointActive},
		{name: "paused before all else", e: delivery.Endpoint{PausedAt: &before, DisabledAt: &before, Health: open}, state: delivery.EndpointPaused},
		{name: "disabled", e: delivery.Endpoint{DisabledAt: &before, Health: open}, state: delivery.EndpointDisabled},
		{name: "deleted", e: delivery.Endpoint{PausedAt: &before, DeletedAt: &before}, state: delivery.EndpointDeleted},
		{name: "asked for a pause", e: delivery.Endpoint{Health: delivery.Health{HoldUntil: &after}}, state: delivery.EndpointWaiting, until: &after},
		{name: "the pause is over", e: delivery.Endpoint{Health: delivery.Health{HoldUntil: &before}}, state: delivery.EndpointActive},
		{name: "breaker open", e: delivery.Endpoint{Health: open}, state: delivery.EndpointParked, until: &after},
		{name: "probing", e: delivery.Endpoint{Health: delivery.Health{Breaker: retry.Breaker{State: retry.Probing, Ramp: 2}}}, state: delivery.EndpointProbing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.e.Standing(now)
			if got.State != tt.state || (got.Until == nil) != (tt.until == nil) || got.Until != nil && !got.Until.Equal(*tt.until) {
				t.Errorf("standing %+v, want %s until %v", got, tt.state, tt.until)
			}
		})
	}
}

func TestNextTry(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	due, later := now.Add(-time.Minute), now.Add(10*time.Minute)
	parked := delivery.Endpoint{Health: delivery.Health{Breaker: retry.Breaker{State: retry.Open, ProbeAt: later}}}
	asked := delivery.Endpoint{Health: delivery.Health{HoldUntil: &later}}
	pending := delivery.Delivery{Status: delivery.Pending, NextAt: &due}
	forced := delivery.Delivery{Status: delivery.Pending, NextAt: &due, Trigger: delivery.Manual}
	tests := []struct {
		name string
		e    delivery.Endpoint
		d    delivery.Delivery
		want *time.Time
	}{
		{"an endpoint that is well", delivery.Endpoint{}, pending, &due},
		{"a breaker that is open", parked, pending, &later},
		{"a pause that was asked for", asked, pending, &later},
		{"a person wants it now", parked, forced, &due},
		{"it is being sent", delivery.Endpoint{}, delivery.Delivery{Status: delivery.Sending, NextAt: &later}, nil},
		{"nothing is left to do", parked, delivery.Delivery{Status: delivery.Failed}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.e.NextTry(tt.d, now)
			if (got == nil) != (tt.want == nil) || got != nil && !got.Equal(*tt.want) {
				t.Errorf("the next try is %v, want %v", got, tt.want)
			}
		})
	}
}
