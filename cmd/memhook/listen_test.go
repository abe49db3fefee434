package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListenManner(t *testing.T) {
	type part struct {
		Status   int
		FailRate float64
	}
	tests := []struct {
		name string
		o    listenOptions
		want part
		code int
	}{
		{"well behaved", listenOptions{}, part{}, exitDone},
		{"always", listenOptions{respond: 503}, part{503, 1}, exitDone},
		{"sometimes", listenOptions{respond: 500, failRate: "30%"}, part{500, 0.3}, exitDone},
		{"sometimes with the usual status", listenOptions{failRate: "5"}, part{503, 0.05}, exitDone},
		{"another success", listenOptions{respond: 204}, part{204, 1}, exitDone},
		{"no share", listenOptions{failRate: "NaN"}, part{}, exitUsage},
		{"too large a share", listenOptions{failRate: "101%"}, part{}, exitUsage},
		{"no final status", listenOptions{respond: 101}, part{}, exitUsage},
		{"back in time", listenOptions{delay: -time.Second}, part{}, exitUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := tt.o.manner()
			if exitCode(err) != tt.code {
				t.Fatalf("manner: %v, want exit code %d", err, tt.code)
			}
			if diff := cmp.Diff(tt.want, part{m.status, m.failRate}); err == nil && diff != "" {
				t.Errorf("manner (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListenVerdict(t *testing.T) {
	tests := []struct {
		name  string
		count int
		t     totals
		want  int
	}{
		{"interrupted without a goal", 0, totals{Received: 3, Verified: 3}, exitDone},
		{"all there", 3, totals{Received: 3, Verified: 3}, exitDone},
		{"interrupted", 3, totals{Received: 2, Verified: 2}, exitInterrupted},
		{"one bad signature", 3, totals{Received: 3, Verified: 2, Unverified: 1}, exitUnverified},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := exitCode((&listenOptions{count: tt.count}).verdict(tt.t)); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}
