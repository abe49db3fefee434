// Package sqlstore keeps everything memhook knows in one SQL database: it is the
// record of memory events and of what hangs beside each one.
//
// It implements memory.Store and delivery.Store. One method is one transaction;
// no transaction leaves the package.
//
// # Writing
//
// SQLite has one writer. All writes go through one goroutine that takes whatever
// waits and commits it together, so that one disk flush serves many callers
// (group commit). A caller returns when the commit that carries its change is on
// disk: the file is in WAL mode with synchronous=FULL. A change that fails after
// it wrote something undoes the group; the others of the group are run again
// without it. Therefore a change is a function that can run twice.
//
// # Reading
//
// Reads use a pool of connections of their own and never wait for the writer.
package sqlstore
