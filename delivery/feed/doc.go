// Package feed reads the messages of a project as one list that grows at its end, for
// agents that have no URL: what an endpoint would be sent, they fetch.
//
// An Entry is a message with its place. The places of a project are in the order in
// which its messages were committed: each commit with messages takes the project's next
// number while it holds that number's row until it is durable, so whoever sees a number
// sees all lower ones. Within a commit messages stand by their IDs. Nothing ever appears
// before a place that a reader has passed, whatever the clocks of the servers, and
// messages of one memory stand in the order of its changes.
//
// A cursor is a place, opaque outside. It stays valid for as long as what follows it is
// kept; after that, or when the database is not the one it is from, ErrGone says so
// instead of leaving messages out in silence.
//
// Waiting costs nothing: readers sleep until one look of the process at the numbers of
// the projects that are waited for finds a new one. It looks when it hears of changes,
// and each LookEvery for what other servers did.
//
// Decisions:
//
//   - 2026-11: a number per commit, not per message, and of a project, not of all. It
//     costs a statement per group and project, sent along with the commit, and one index:
//     of 75 CPU-ms for 1,000 completions in SQLite, and of 41 in a node with Postgres, 3.
//     Commits with messages of one project follow each other, each taking in what waits:
//     with a flush to disk of 2 ms that is 500 commits a second, of up to 256 changes.
//     The order of IDs with an overlap was left: it is right only for as long as commits
//     and clocks are late by less than somebody thought. So was Postgres' own transaction
//     number: it holds up readers while any transaction of the server is open, and begins
//     anew in a restored database.
//   - 2026-11: servers from before the feed store messages without a number. While they
//     run beside newer ones, what they process is not in the feed.
package feed
