// Package hookapi is memhook's own HTTP API, under /api/v2/: endpoints, messages,
// deliveries, attempts, events with their explanation, keys, statistics and the
// audit log.
//
// There is one table of routes (routes.go). What is served, the OpenAPI document
// and the page that shows it are made from it. A handler is a function of a call
// and a request struct, whose tags say where each field comes from:
//
//	path:"name"   a segment of the path
//	query:"name"  a parameter of the URL
//	json:"name"   a member of the body; doc:"…" describes it, enum:"a,b" lists its
//	              values, required:"true" says that it must be there
//
// Errors are problem details (RFC 9457) with a type that does not change, the
// fields that are wrong, and the request's ID. What belongs to another project is
// not there: 404.
package hookapi
