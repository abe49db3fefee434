// Package signing signs webhook requests, verifies them, and keeps the secrets
// it does so with.
//
// The scheme is Standard Webhooks 1.0.0
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
// What is signed is
//
//	{webhook-id}.{webhook-timestamp}.{body}
//
// and the webhook-signature header lists one signature for each live secret,
// newest first, separated by a space, so that a receiver needs only one of
// them to match while a secret is being replaced:
//
//	v1,<base64 of HMAC-SHA256>     symmetric, secret whsec_…
//	v1a,<base64 of ed25519>        asymmetric, private key whsk_…, public key whpk_…
//
// Covered by a signature: the ID, the time of the attempt, and every byte of
// the body. Not covered: all other headers, the method and the URL. A receiver
// must not act on those alone.
//
// A Secret never prints itself, whatever the verb or the encoder; Reveal is
// the one way to its text. Where secrets are stored, a Sealer encrypts them
// and binds them to their owner. API keys live in the package apikey below.
//
// # Decisions
//
// 2026-11: An ID with a dot is refused, in Sign by a panic, in Verify by
// ErrBadID. The specification forbids it, since "a.1" sent at time 2 signs the
// same bytes as "a" sent at time 1 with a body that starts with "2.". The
// price: a sender that breaks this rule cannot be verified.
//
// 2026-11: Parsing is strict. A secret has one spelling, so that what was
// stored and what is revealed are the same text: standard base64 with padding,
// and no line breaks. The price: a secret pasted without its prefix or its
// padding is refused rather than repaired.
package signing
