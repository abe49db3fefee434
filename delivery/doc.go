// Package delivery sends messages to webhook endpoints and records what
// happened.
//
// A Message is what receivers get; it has one Delivery per Endpoint; a Delivery
// has Attempts. A Message is made where its cause is committed (package memory),
// in the same transaction as its deliveries, so a crash can lose neither.
//
//	                 ┌────────── retry: next_at = later ───────────┐
//	                 ▼                                             │
//	fan-out ──► pending ── claim: next_at = lease ──► sending ──┬──┴─► failed
//	   │             ▲ │                                        └────► succeeded
//	   │      resume │ │ pause
//	   │             │ ▼
//	   ├──────────► held ──► canceled (endpoint deleted)
//	   └──────────► skipped (reason stored)
//
// Guarantees:
//
//   - At least once. A delivery ends as succeeded, failed, skipped or canceled,
//     or stays listed as pending or held; it is never dropped.
//   - Every request a receiver may have seen is on record: an attempt that a
//     crash cut off is recorded as interrupted before the next one is made.
//   - All copies of a message carry the same webhook-id and the same bytes.
//
// next_at has one meaning: if this row is not finished by then, somebody may
// take it. It is the due time, the retry time and the lease deadline in one
// column, and NULL when nothing is left to do. A claim moves it from the value
// that was read to the end of a lease, so of two workers only one gets the row.
// A lease is longer than the longest timeout of an endpoint.
package delivery
