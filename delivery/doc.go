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
//	   ├──────────► held ──► canceled (by hand, or with the endpoint)
//	   └──────────► skipped (reason stored)
//
// Guarantees:
//
//   - At least once. A delivery ends as succeeded, failed, skipped or canceled,
//     or stays listed as pending or held; it is never dropped.
//   - Every request a receiver may have seen is on record: an attempt that a
//     crash cut off is recorded as interrupted before the next one is made.
//   - What came of a request is written down as soon as the database can be written
//     again, also when it was away for longer than the lease. Only the end of the
//     process loses it.
//   - All copies of a message carry the same webhook-id and the same bytes.
//
// next_at has one meaning: if this row is not finished by then, somebody may
// take it. It is the due time, the retry time and the lease deadline in one
// column, and NULL when nothing is left to do. A claim moves it from the value
// that was read to the end of a lease, so of two workers only one gets the row.
// A lease is longer than the longest timeout of an endpoint.
//
// # Whose turn it is
//
// A due row goes out when nothing is against it: the window of its endpoint (how
// many requests at once), the endpoint's breaker (is it worth trying), its
// receiver's Retry-After, its rate limit, and the endpoint's and project's share of
// the workers. Until then it stays a due row: it spends no attempt, and its endpoint
// is not looked at again before that can have changed. probe_at of an endpoint works
// like next_at of a delivery: when a probe is due, and the lease of the one under
// way, so that there is one at a time.
//
// The breaker, the failures in a row and what was announced of them are columns of
// the endpoint, written with the attempt that changes them. An endpoint that is well
// is written once in ten seconds; its successes in between are counted in memory and
// added with the next failure.
//
// # Sending again
//
// A manual send, a test and a bulk replay go through the same step as first tries:
// they make a row due, with a trigger that says why. A BulkReplay is a row with a
// place and a next_at of its own; each of its groups is one transaction that makes
// deliveries due and moves the place, so it goes on after a restart, on any node, and
// sends none twice. Its set is frozen by time, and never more is sent than was
// counted. Replayed deliveries wait their turn like all others.
//
// A set of memories is a snapshot. It has no deliveries yet: each group makes a message
// of each memory as it is, for this endpoint alone. What changed since the set was
// frozen is left out where the transaction of that change has a delivery for the
// endpoint, so a new endpoint gets every memory once, by the one way or the other.
//
// # The order of a memory's messages
//
// Deliveries are independent of each other, so a retry arrives after newer messages.
// An Endpoint with an Order gives its deliveries a lane, the memory, and a turn in it,
// taken in the transaction that makes them. A delivery is claimed only when nothing of
// its lane is open before it; otherwise it is put off, and made due again by whoever
// ends the one it waits for. Endpoints without an order have no lanes and pay nothing.
//
// # Erasures
//
// When a memory is erased (package memory), the deliveries of its messages that wait
// are canceled, and the messages lose their text once none of them is being sent. A
// delivery that tells of the erasure goes before all others of its endpoint. What was
// scrubbed is never sent: resends and replays leave it out, and a claim cancels it.
//
// # Operational messages
//
// endpoint.failing, endpoint.recovered, endpoint.disabled and delivery.exhausted are
// messages like any other, made in the transaction of the attempt that led to them.
// They belong to the event of that attempt's delivery, beside which they are shown
// and with which they are pruned: a made-up event would have no memory, no scope and
// no request. Only endpoints that list the type get them, and none about itself; the
// end of their own deliveries is not announced.
//
// # Decisions
//
// 2026-11: A test send is tried once and says nothing about the endpoint's health:
// it must be possible to test a receiver that is paused, parked or disabled, as
// often as it takes, without an effect on real deliveries.
//
// 2026-11: A try that a person asks for is made although the breaker is open or the
// receiver asked for a pause: they may have repaired it. It does keep to the rate.
// While a probe is due it is the probe, so that there is still one at a time; a
// person who asks for a probe makes one due.
//
// 2026-11: Lanes have no locks. Nodes that claim deliveries of many lanes at once took
// them in different orders, and Postgres needs a second to find a deadlock. The price is
// a look after the commit on both sides, of who waits and of who ends.
//
// 2026-11: While a breaker is probing, each node sends as many requests at once as
// the ramp says. One count for all nodes would be a write for each request.
package delivery
