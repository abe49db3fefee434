// Package queue runs a job at a time: it carries tickets to handlers.
//
// The database is the truth; the queue is an alarm clock. A Ticket says "look at
// these rows now" and holds nothing else. It may come twice, late or never: who
// handles it claims the rows in the database, and a pump there finds the rows
// whose ticket was lost. Nothing is scheduled here: when a row is due stands in
// the row.
//
// Work is defined once, as asynq tasks on one asynq.ServeMux. Two brokers feed it:
// Local within one process, and Redis through asynq servers, one per lane.
package queue
