// Package sqlstore keeps everything memhook knows in one SQL database: it is the
// record of memory events and of what hangs beside each one.
//
// It implements memory.Store and delivery.Store. One method is one transaction;
// no transaction leaves the package.
//
// # Two databases
//
// The SQL is one text for SQLite and Postgres, and the schema one list of
// migrations. What differs is behind the interfaces in dialect.go.
//
// # Writing
//
// All writes go through one goroutine that takes whatever waits and commits it
// together, so that one disk flush serves many callers (group commit). With
// Postgres a few more help out while a group takes long. A caller returns when the commit that carries its
// change is on disk: SQLite runs in WAL mode with synchronous=FULL, Postgres with
// synchronous_commit=on. A change that fails after it wrote something undoes the
// group; the others of the group are run again without it. Therefore a change is a
// function that can run twice.
//
// With Postgres changes run side by side, on this node and on others, each
// statement seeing what was committed when it began. A change that writes a row it
// has read says in the WHERE what it has read; one that decides by other rows takes
// a lock first (tx.lock). What costs there is the round trip, so statements without
// a result (tx.later, tx.must) go out with the next one that has one, or with the
// commit.
//
// # Reading
//
// Reads use a pool of connections of their own and never wait for the writer.
package sqlstore
