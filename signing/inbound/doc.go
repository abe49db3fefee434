// Package inbound checks webhooks that other services send: each in the way its
// sender signs.
//
//	github   X-Hub-Signature-256: sha256=<hex of HMAC-SHA256 over the body>, or
//	         the same in another header, in hex or base64, with or without "sha256="
//	         https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
//	stripe   Stripe-Signature: t=<Unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">
//	         https://docs.stripe.com/webhooks#verify-manually
//	token    a shared token in a header, bare or after "Bearer "
//	none     nothing is checked: the address is the secret
//
// The first two prove that the body comes from who knows the secret. Stripe's
// also proves when; a request signed as GitHub does can be sent again by whoever
// recorded it, which only the receiver's memory of what it has seen stops. A
// token proves nothing about the body. Standard Webhooks is the package above.
//
// Comparisons take the same time wherever two values differ.
package inbound
