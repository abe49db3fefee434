// Package mem0api is the HTTP API that mem0's published clients speak, so that
// an unmodified client works when its host is pointed here.
//
// routes.go has every route. A request passes through
//
//	normalizePath   one spelling of the path, never a redirect
//	serve           key, scope, and the one place where errors become answers
//	handle          the request struct's read, the handler, the response
//
// Request and response structs stand beside their handler. What a request says is
// read from JSON in place (json.go), so that a mistake can be named by its path:
// "messages[0].role must be a string".
//
// Guarantees:
//
//   - Every answer is JSON with a body, errors and deletions included; an error
//     has a string in "detail".
//   - Unknown members and parameters are ignored, except in filters: clients of
//     every age send leftovers.
//   - A request that is refused has stored nothing.
//
// Decisions:
//
//   - Text that PostgreSQL and other readers could not hold is refused with 400:
//     invalid UTF-8, NUL, and half of a surrogate pair. The cost is that a caller
//     who cut an emoji in two has to repair it; the gain is that what was
//     accepted comes back as it was sent.
//   - An answer holds some 16 MiB of memories' text and metadata at most. A page with
//     more is refused with 413, which names page_size; a list without paging ends
//     there, or after 10,000 memories, the newest first. Of an event the first 1,000
//     results are shown, and in lists of events no payload above 64 KiB.
//   - One organisation, and one project to a key: other projects are 403, whether
//     they exist or not. Members open nothing. Who creates a project gets its first
//     key, in that answer alone.
//   - An export is made when it is asked for, from the newest 5,000 memories. A
//     summary is their texts by category. Neither asks a model.
//   - ingest_job_partially_completed tells of an add that said more than one add
//     keeps. ingest_job_cancelled can be subscribed to and is never sent: nothing
//     cancels an add.
//   - Of a member that appears twice, the last one counts, as in JavaScript and
//     Python.
package mem0api
