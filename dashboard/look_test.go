//go:build browser

package dashboard

import "testing"

// Every page fits on a phone, and neither the console, the policy nor axe has
// anything to say about it, in light and dark.
func TestLook(t *testing.T) {
	d := newDemo(t)
	pages := map[string]string{
		"overview": "/ui/", "events": "/ui/events", "event": eventPath(d.failed.ID), "endpoints": "/ui/endpoints",
		"endpoint": endpointPath(d.slack.ID), "deliveries": "/ui/deliveries", "delivery": deliveryPath(d.failing.Delivery.ID), "edit": endpointPath(d.slack.ID) + "/edit", "new": "/ui/endpoints/new", "secrets": endpointPath(d.crm.ID) + "/secrets",
	}
	for name, look := range map[string]screen{"light": desktop, "dark": night, "phone": phone, "small": small} {
		t.Run(name, func(t *testing.T) {
			b := d.tab(t, look).signIn(d.site, d.key)
			for page, path := range pages {
				b.open(path).shot(page + "-" + name).fits()
				if look != small {
					b.accessible()
				}
			}
		})
	}
}
