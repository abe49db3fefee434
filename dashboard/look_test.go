//go:build browser

package dashboard

import "testing"

// Every page fits on a phone, and neither the console, the policy nor axe has
// anything to say about it, in light and dark.
func TestLook(t *testing.T) {
	d := newDemo(t)
	pages := map[string]string{
		"overview": "/ui/", "events": "/ui/events", "event": eventPath(d.failing.EventID), "deliveries": "/ui/deliveries",
		"delivery": deliveryPath(d.failing.ID), "endpoints": "/ui/endpoints", "endpoint": endpointPath(d.slack.ID),
		"new": "/ui/endpoints/new", "edit": endpointPath(d.slack.ID) + "/edit", "secrets": endpointPath(d.crm.ID) + "/secrets",
		"memories": "/ui/memories", "memory": memoryPath(d.changed), "playground": "/ui/playground", "replays": "/ui/replays",
		"new-replay": "/ui/replays/new?what=all&endpoint=ep_" + d.crm.ID.String(), "keys": "/ui/keys", "sources": "/ui/sources", "system": "/ui/system",
		"none": "/ui/events/none",
	}
	for name, look := range map[string]screen{"light": desktop, "dark": night, "phone": phone, "small": small} {
		t.Run(name, func(t *testing.T) {
			b := d.tab(t, look).signIn(d.site, d.key)
			for page, path := range pages {
				b.open(path)
				if page == "none" {
					b.forgive() // Chromium says that it is not there, as it should
				}
				b.shot(page + "-" + name).fits()
				if look != small {
					b.accessible()
				}
			}
		})
	}
}
