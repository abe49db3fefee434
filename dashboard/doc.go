// Package dashboard serves the web pages under /ui. They answer one question
// first: why did my callback not arrive?
//
// Every page and every action works without JavaScript; script only makes times
// relative, copies, listens to keys and takes in what changes. The URL is the state
// of a page. GET changes nothing: each write is a form POST that works once per
// form and answers 303.
//
// Whatever comes from outside is shown as text: characters that are invisible or
// turn the direction of writing are drawn as their code point. Endpoint secrets
// are on no page but the one that follows revealing or making one.
//
// A person signs in with an API key or with a link from LoginLink, and then sees
// the project of that key. Sessions and links are in the database, by the hash of
// their token: every node knows them, a restart ends none, and a stolen database
// opens none.
//
// static holds htmx 4.0.1 and its hx-sse extension as npm's htmx.org has them
// (Zero-Clause BSD), next to what is written here.
package dashboard
