// Package dashboard serves the web pages under /ui. They answer one question
// first: why did my callback not arrive?
//
// Every page and every action works without JavaScript; there is no script at
// all, and the Content-Security-Policy lets none run. The URL is the state of a
// page. GET changes nothing: each write is a form POST that answers 303.
//
// Whatever comes from outside is shown as text: characters that are invisible or
// turn the direction of writing are drawn as their code point. Endpoint secrets
// are on no page but the one that follows the registration of an endpoint.
//
// A person signs in with an API key or with a link from LoginLink, and then sees
// the project of that key. Sessions and links are kept in memory, by the hash of
// their token: they end when the process ends, and are not shared between nodes,
// so a balancer in front of several must keep a browser on one. In return, no
// database read or write is spent on them, and a stolen database opens no session.
package dashboard
