// Package queue runs a job at a time: it carries tickets to handlers.
//
// The database is the truth; the queue is an alarm clock. A Ticket says "look at
// these rows now" and holds nothing else. It may come twice, late or never: who
// handles it claims the rows in the database, and a pump there finds the rows
// whose ticket was lost. Nothing is scheduled here: when a row is due stands in
// the row.
//
// Work is defined once, as asynq tasks on one asynq.ServeMux. Two brokers feed it:
// Local within one process, and Redis through asynq servers, one per lane. Both
// promise:
//
//   - A push does not wait for room, and a lane that is full or busy holds up no
//     other.
//   - A handler that fails or panics ends its ticket, not the broker.
//   - Run returns after the last handler has, and handlers under way are finished.
//
// Redis may be down at the start, go, be flushed, fill up and come back at any
// time. Meanwhile tickets go through the process itself; Status says so.
//
// News carries hints beside the tickets, within a process and between nodes: whose
// deliveries changed, for streams; that something is due which this node does not send
// itself; and which deliveries were taken from their tickets, so that whoever pushed
// them has room again. They are published in groups by a goroutine of their own, and
// what they do for whoever hears them is to look sooner than it would have.
//
// Decisions:
//
//   - 2026-11: asynq's retries, archive, delays and crash recovery are not used.
//     Delays are whole seconds and recovery takes 60 to 120 s; the database does
//     both better. A ticket's task is done whatever its handler returns, and what
//     asynq archives after a crash is deleted. The price: asynq's own tools show
//     no failures.
//   - 2026-11: a server per lane, not priorities within one, so that workers of
//     one lane never wait in another. The price is an idle poll for each lane.
package queue
