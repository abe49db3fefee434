package hookapi

import (
	"net/http"

	"memhook/signing/apikey"
)

// Routes is every route of the API; nothing is registered elsewhere.
func (a *API) Routes() []Route {
	const (
		get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
		read, admin           = apikey.Read, apikey.Admin
		ok, created, nothing  = http.StatusOK, http.StatusCreated, http.StatusNoContent
	)
	return []Route{
		on(get, "endpoints", read, ok, "Endpoints", "List endpoints, oldest first", a.endpoints),
		on(post, "endpoints", admin, created, "Endpoints", "Register an endpoint", a.createEndpoint),
		on(get, "endpoints/:endpoint", read, ok, "Endpoints", "Get an endpoint", a.endpoint),
		on(patch, "endpoints/:endpoint", admin, ok, "Endpoints", "Change an endpoint", a.changeEndpoint).doc("What is left out stays as it is."),
		on(del, "endpoints/:endpoint", admin, nothing, "Endpoints", "Delete an endpoint", a.deleteEndpoint).doc("What waits for it is canceled; what was sent stays on record."),
		on(post, "endpoints/:endpoint/pause", admin, ok, "Endpoints", "Pause an endpoint", a.pauseEndpoint()).doc("Its deliveries are held and lose no tries."),
		on(post, "endpoints/:endpoint/resume", admin, ok, "Endpoints", "Resume a paused endpoint", a.resumeEndpoint()).doc("What was held is sent."),
		on(post, "endpoints/:endpoint/enable", admin, ok, "Endpoints", "Enable a disabled endpoint", a.enableEndpoint()).doc("Its failures are forgotten and what was held is sent."),
		on(post, "endpoints/:endpoint/secret/rotate", admin, ok, "Endpoints", "Rotate a secret", a.rotateSecret).doc("The old one goes on signing for the overlap."),
		on(post, "endpoints/:endpoint/secret/reveal", admin, ok, "Endpoints", "Reveal the secrets", a.revealSecret).doc("Leaves an audit entry."),
		on(post, "endpoints/:endpoint/match", read, ok, "Endpoints", "Would it receive this?", a.match).doc("Says for an event's messages, or for one as described, whether the endpoint would get it, and if not which clause refuses."),
		on(post, "endpoints/:endpoint/test", admin, created, "Endpoints", "Send a test", a.sendTest).doc("A real delivery of a sample, tried once, also to an endpoint that is paused or does not want the type."),
		on(post, "endpoints/:endpoint/probe", admin, ok, "Endpoints", "Probe a parked endpoint now", a.probe).doc("Sends the delivery that is next in line, as the probe of the open breaker, and returns it. 409 when the breaker is not open, when a probe is under way, and when nothing waits; a test can be sent all the same."),

		on(get, "messages", read, ok, "Messages", "List messages, newest first", a.messages),
		on(get, "messages/:message", read, ok, "Messages", "Get a message with its body", a.message),

		on(get, "feed", read, ok, "Feed", "Read messages in their order, and wait for more", a.readFeed).
			doc("For agents that have no URL: what an endpoint would be sent, from a cursor on. No message is left out between one answer and the next, whenever they are asked for. A cursor whose messages are no longer kept is answered 410. With Accept: text/event-stream it is feed/stream."),
		on(get, "feed/stream", read, ok, "Feed", "Follow messages in their order", a.streamFeed).streams().
			doc("Server-sent events named message, whose id is a cursor: a reader that comes back with it as Last-Event-ID misses nothing and sees nothing twice. A comment follows every 15 seconds."),

		on(get, "deliveries", read, ok, "Deliveries", "List deliveries, newest first", a.deliveries).doc("Lists of one user, agent or run are ordered by their events."),
		on(get, "deliveries/counts", read, ok, "Deliveries", "Count deliveries by status", a.deliveryCounts).doc("Counts go up to 1,000."),
		on(get, "deliveries/stream", read, ok, "Deliveries", "Follow deliveries as they change", a.stream).streams().
			doc("Server-sent events named delivery, whose data is a delivery and whose id is a cursor: a reader that comes back with it as Last-Event-ID misses nothing, and may see some twice. A comment follows every 15 seconds."),
		on(get, "deliveries/:delivery", read, ok, "Deliveries", "Get a delivery", a.deliveryByID),
		on(get, "deliveries/:delivery/attempts", read, ok, "Deliveries", "List the attempts of a delivery, oldest first", a.attempts),
		on(get, "deliveries/:delivery/attempts/:number", read, ok, "Deliveries", "Get an attempt by its number", a.attempt),
		on(get, "deliveries/:delivery/explain", read, ok, "Deliveries", "Why did it arrive, or not?", a.explainDelivery),
		on(post, "deliveries/:delivery/resend", admin, ok, "Deliveries", "Send it now", a.sendAgain).doc("One that waits is tried at once; one that is over begins a new round of tries."),
		on(post, "deliveries/:delivery/cancel", admin, ok, "Deliveries", "Cancel it", a.cancelDelivery).doc("Only one that waits or is held."),

		on(post, "replays/preview", read, ok, "Replays", "Freeze and count a set of deliveries", a.previewReplay),
		on(post, "replays", admin, created, "Replays", "Send a frozen set again", a.createReplay).doc("Goes on by itself, also after a restart."),
		on(get, "replays", read, ok, "Replays", "List bulk replays, newest first", a.replays),
		on(get, "replays/:replay", read, ok, "Replays", "Get a bulk replay with its progress", a.replay),
		on(post, "replays/:replay/cancel", admin, ok, "Replays", "Cancel a bulk replay", a.cancelReplay).doc("What it made due is sent, the rest is not."),

		on(get, "events", read, ok, "Events", "List memory events, newest first", a.events),
		on(get, "events/:event", read, ok, "Events", "Get a memory event with its changes", a.event),
		on(get, "events/:event/explain", read, ok, "Events", "Why did its callbacks arrive, or not?", a.explainEvent),

		on(post, "erasures/preview", read, ok, "Erasures", "Count what is stored of a memory", a.previewErasure),
		on(post, "erasures", admin, created, "Erasures", "Erase a memory, or everything of a user, agent, app or run", a.createErasure).
			doc("The memory is gone at once. Its text is taken out of history, events, messages, attempts and kept answers in the background, also after a restart; the endpoints are sent a memory_delete without text, before all that waits for them. A memory is erased once: later calls return the same erasure."),
		on(get, "erasures", read, ok, "Erasures", "List erasures, newest first", a.erasures),
		on(get, "erasures/keys", read, ok, "Erasures", "List the public keys with which receipts verify, oldest first", a.receiptKeys),
		on(get, "erasures/:erasure", read, ok, "Erasures", "Get an erasure, and which endpoint acknowledged it, when", a.erasure),
		on(get, "erasures/:erasure/receipt", read, ok, "Erasures", "Get its signed receipt", a.receipt).doc("For an auditor: it has IDs and times, and no word of what was erased. memhook erasure verify checks it."),

		on(get, "sources", read, ok, "Sources", "List sources, oldest first", a.sources).doc("A source is a service that sends webhooks here, to be relayed to the endpoints."),
		on(post, "sources", admin, created, "Sources", "Set up a source", a.createSource).doc("Its path and secret are shown here and on reveal only."),
		on(get, "sources/:source", read, ok, "Sources", "Get a source", a.source),
		on(patch, "sources/:source", admin, ok, "Sources", "Change a source", a.changeSource).doc("What is left out stays as it is."),
		on(del, "sources/:source", admin, nothing, "Sources", "Delete a source", a.deleteSource).doc("Its address is unknown from then on; its events stay."),
		on(post, "sources/:source/reveal", admin, ok, "Sources", "Reveal its path and secret", a.revealSource).doc("Leaves an audit entry."),

		on(get, "keys", admin, ok, "Keys", "List API keys", a.listKeys),
		on(post, "keys", admin, created, "Keys", "Create an API key", a.createKey).doc("The key is shown this once."),
		on(del, "keys/:key", admin, ok, "Keys", "Revoke an API key", a.revokeKey).doc("It stops opening anything within five seconds."),

		on(get, "project", read, ok, "Project", "Get the project of the key", a.projectOf),
		on(get, "stats", read, ok, "Project", "What happened: totals, a series and each endpoint", a.stats),
		on(get, "audit", admin, ok, "Project", "List the audit log, newest first", a.audit),
	}
}
