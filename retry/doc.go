// Package retry answers every "when" of a delivery: when to try again, whether
// an endpoint is worth trying now, how many requests it gets at once, how fast,
// and when to give it up.
//
// All of it is pure: no clock, no input or output, no goroutine. The time is a
// parameter and chance is a field. A Breaker, Limiter, Window and Streak are
// values: a method that changes one returns the changed copy, and the caller
// keeps it, in memory or in a row.
//
// An attempt ends in an Outcome. From it
//
//   - Policy.Next decides about the delivery: done, again at a time, or over;
//   - Breaker.Record decides whether the endpoint is parked. A parked delivery
//     spends no attempts;
//   - Window.Record decides how many requests the endpoint gets at once;
//   - Streak.Record decides whether it is time to warn about the endpoint, or
//     to disable it.
//
// # Decisions
//
// 2026-11: A throttled answer (429, 503) without Retry-After holds the endpoint
// for HoldWithoutRetryAfter at most. Holding it for as long as the delivery
// waits was the other choice, but the tenth attempt of one old delivery waits
// half a day, and would take every new one with it.
//
// 2026-11: An interrupted attempt, one that the sender's own end cut short, is
// repeated at once, since it says nothing about the endpoint. It does count as
// an attempt, so that a message which brings the sender down is given up.
//
// 2026-11: Auto-disable counts from the first failure since the last success,
// not from the last success: an endpoint that had nothing to do for a week is
// not disabled after its first bad day.
package retry
