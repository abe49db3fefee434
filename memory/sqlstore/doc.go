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
// Postgres a few more help out while a group takes long. A caller returns when the
// commit that carries its change is on disk: SQLite runs in WAL mode with
// synchronous=FULL, Postgres with synchronous_commit=on. A change that fails after
// it wrote something undoes the group; the others of the group are run again without
// it. Therefore a change is a function that can run twice.
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
//
// A list takes IDs from the one index that has its order, at most a window of them,
// and then the rows with those IDs: a page costs the same at a thousand rows and at ten
// million, wherever in the list it is and whatever matches. Where a window has too few
// rows that match, the page says so and the next one goes on. What mem0's API numbers
// and counts is counted as it happens (counts.go) or read in an index alone, in which a
// deep page passes over what comes before it.
//
// # Growth
//
// Measured for one delivery (one endpoint per event) on Postgres 15 and Redis 7, on
// two cores that were busy with other things as well: 0.30 ms of CPU in a node, 0.25
// in Postgres, 0.025 in Redis, 8.2 kB of WAL, 5.3 kB on disk with indexes. Removing
// an event again with all that hangs beside it: 0.01 ms in Postgres, and 0.005 for the
// vacuum after it, with autovacuum as it is installed. A group of 200 takes 4 ms, and
// deliveries at 100 a second did not notice, as far as the machine's own variation
// lets that be seen (`-bench Prune ./cmd/memhook`).
//
// 10⁹ deliveries a day are 11,600 a second, say 35,000 at the peak:
//
//	                     average      peak
//	nodes                3.5 cores    10.5 cores
//	Postgres             2.9 cores    8.7 cores
//	Redis                0.3 cores    0.9 cores of the one it can use
//	WAL                  95 MB/s      290 MB/s
//	disk                 5.3 TB a day
//
// What becomes the limit, in this order:
//
//  1. Disk. 30 days are 160 TB. The answer is a Postgres for each group of projects:
//     no row refers to another project's, so a shard is a database, its nodes and
//     its Redis, and what sends a project there is a proxy that knows keys. At 10⁸ a
//     day a shard writes 530 GB a day, keeps 2.7 TB for the shortest retention of
//     five days, and needs one core of Postgres at the peak. Ten shards are 10⁹.
//  2. Retention. One node at a time removes 200 events and rests 50 ms, longer while
//     the database is slow: 3,800 a second, 3.3·10⁸ a day in one database. Before
//     that, tables partitioned by day: the keys of events, messages, deliveries and
//     attempts begin with a version 7 UUID, which is in order of time, so ranges of
//     IDs are days, and dropping one costs nothing. It is not done today because each
//     look-up by another column would ask every partition.
//  3. Redis. It does one thing at a time and is full at 40,000 tickets a second of
//     one delivery each; a ticket holds up to 32 under load.
//  4. Reads. Pages and lists use connections of their own and could use a replica;
//     claims and pumps may not.
//
// The writer is not on the list: one group of 256 in 3 ms is 85,000 changes a second.
package sqlstore
