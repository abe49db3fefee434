package dashboard

import (
	"net/http"

	"memhook/signing/apikey"
)

// A route is one entry of the route table.
type route struct {
	method  string
	pattern string
	open    bool         // answers without a session
	scope   apikey.Scope // what the session's key must have
	work    work
}

// work answers a request. It writes nothing to the response itself.
type work func(visit) (reply, error)

// routes is every route of the dashboard; nothing is registered elsewhere.
func (d *Dashboard) routes() []route {
	const (
		get, post   = http.MethodGet, http.MethodPost
		read, admin = apikey.Read, apikey.Admin
	)
	return []route{
		{method: get, pattern: "/ui", open: true, work: d.home},
		{method: get, pattern: "/ui/static/:name", open: true, work: d.static},
		{method: get, pattern: "/ui/login", open: true, work: d.signInPage},
		{method: post, pattern: "/ui/login", open: true, work: d.signIn},
		{method: post, pattern: "/ui/logout", open: true, work: d.signOut},
		{method: post, pattern: "/ui/theme", open: true, work: d.setTheme},

		{method: get, pattern: "/ui/", scope: read, work: d.overview},
		{method: get, pattern: "/ui/events", scope: read, work: d.events},
		{method: get, pattern: "/ui/events/:event", scope: read, work: d.event},
		{method: get, pattern: "/ui/deliveries", scope: read, work: d.deliveries},
		{method: get, pattern: "/ui/deliveries/:delivery", scope: read, work: d.deliveryPage},
		{method: post, pattern: "/ui/deliveries", scope: admin, work: d.resendPicked},
		{method: post, pattern: "/ui/deliveries/:delivery/resend", scope: admin, work: d.deliveryAction("delivery.resend", d.resend)},
		{method: post, pattern: "/ui/deliveries/:delivery/cancel", scope: admin, work: d.deliveryAction("delivery.cancel", d.cancel)},
		{method: get, pattern: "/ui/deliveries/:delivery/payload", scope: read, work: d.payload},
		{method: get, pattern: "/ui/deliveries/:delivery/answer", scope: read, work: d.answerBody},
		{method: get, pattern: "/ui/memories", scope: read, work: d.memories},
		{method: get, pattern: "/ui/memories/:memory", scope: read, work: d.memoryPage},
		{method: get, pattern: "/ui/memories/:memory/erase", scope: admin, work: d.confirmErase},
		{method: post, pattern: "/ui/memories/:memory/erase", scope: admin, work: d.erase},
		{method: get, pattern: "/ui/erasures", scope: read, work: d.erasures},
		{method: get, pattern: "/ui/erasures/:erasure", scope: read, work: d.erasurePage},
		{method: get, pattern: "/ui/erasures/:erasure/receipt", scope: read, work: d.receipt},
		{method: get, pattern: "/ui/playground", scope: read, work: d.playground},
		{method: post, pattern: "/ui/playground", scope: read, work: d.tryPlayground},
		{method: get, pattern: "/ui/replays", scope: read, work: d.replays},
		{method: get, pattern: "/ui/replays/new", scope: admin, work: d.newReplay},
		{method: post, pattern: "/ui/replays/new", scope: admin, work: d.createReplay},
		{method: get, pattern: "/ui/replays/:replay", scope: read, work: d.replayPage},
		{method: post, pattern: "/ui/replays/:replay/cancel", scope: admin, work: d.cancelReplay},
		{method: get, pattern: "/ui/keys", scope: read, work: d.keysPage},
		{method: post, pattern: "/ui/keys", scope: admin, work: d.createKey},
		{method: post, pattern: "/ui/keys/:key/revoke", scope: admin, work: d.revokeKey},
		{method: get, pattern: "/ui/sources", scope: read, work: d.sources},
		{method: post, pattern: "/ui/sources", scope: admin, work: d.createSource},
		{method: get, pattern: "/ui/sources/:source", scope: read, work: d.sourcePage},
		{method: post, pattern: "/ui/sources/:source/reveal", scope: admin, work: d.reveal(d.sourceKeeper)},
		{method: post, pattern: "/ui/sources/:source/hide", scope: admin, work: d.hide(d.sourceKeeper)},
		{method: post, pattern: "/ui/sources/:source/switch", scope: admin, work: d.switchSource},
		{method: post, pattern: "/ui/sources/:source/delete", scope: admin, work: d.deleteSource},
		{method: get, pattern: "/ui/system", scope: read, work: d.systemPage},
		{method: get, pattern: "/ui/live", scope: read, work: d.live},
		{method: get, pattern: "/ui/go", scope: read, work: d.jump},

		{method: get, pattern: "/ui/endpoints", scope: read, work: d.endpoints},
		{method: get, pattern: "/ui/endpoints/new", scope: admin, work: d.newEndpoint},
		{method: post, pattern: "/ui/endpoints/new", scope: admin, work: d.createEndpoint},
		{method: get, pattern: "/ui/endpoints/:endpoint", scope: read, work: d.endpoint},
		{method: post, pattern: "/ui/endpoints/:endpoint/test", scope: admin, work: d.sendTest},
		{method: post, pattern: "/ui/endpoints/:endpoint/probe", scope: admin, work: d.sendProbe},
		{method: post, pattern: "/ui/endpoints/:endpoint/enable", scope: admin, work: d.endpointAction("endpoint.enable", d.enableEndpoint)},
		{method: get, pattern: "/ui/endpoints/:endpoint/edit", scope: admin, work: d.editEndpoint},
		{method: post, pattern: "/ui/endpoints/:endpoint/edit", scope: admin, work: d.saveEndpoint},
		{method: post, pattern: "/ui/endpoints/:endpoint/rotate", scope: admin, work: d.rotateSecret},
		{method: get, pattern: "/ui/endpoints/:endpoint/secrets", scope: admin, work: d.secrets},
		{method: post, pattern: "/ui/endpoints/:endpoint/reveal", scope: admin, work: d.reveal(d.endpointKeeper)},
		{method: post, pattern: "/ui/endpoints/:endpoint/hide", scope: admin, work: d.hide(d.endpointKeeper)},
		{method: post, pattern: "/ui/endpoints/:endpoint/pause", scope: admin, work: d.endpointAction("endpoint.pause", d.pauseEndpoint)},
		{method: post, pattern: "/ui/endpoints/:endpoint/resume", scope: admin, work: d.endpointAction("endpoint.resume", d.resumeEndpoint)},
		{method: get, pattern: "/ui/endpoints/:endpoint/delete", scope: admin, work: d.confirmDelete},
		{method: post, pattern: "/ui/endpoints/:endpoint/delete", scope: admin, work: d.deleteEndpoint},
	}
}
