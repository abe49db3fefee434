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
//   - Of a member that appears twice, the last one counts, as in JavaScript and
//     Python.
package mem0api
