// Package apikey makes and checks the keys that callers of the API present.
//
// A key is the text mh_ and 160 random bits. It is shown once and never
// stored: a record keeps its SHA-256 instead. A plain hash is enough because a
// generated key has full entropy, so there is no dictionary to try; a slow
// password hash would only make every request slow. A key that an operator
// brings is asked to be as long, and its randomness is the operator's promise.
//
// A key belongs to one project and has one scope: read, or admin, which
// includes it.
package apikey
