package dashboard

import (
	"net/http"
	"time"
)

const (
	themeCookie = "memhook_theme"
	themeLife   = 365 * 24 * time.Hour
)

// themeOf returns the theme that the browser was told to show: light, dark, or ""
// for the system's.
func themeOf(r *http.Request) string {
	c, err := r.Cookie(themeCookie)
	if err != nil || (c.Value != "light" && c.Value != "dark") {
		return ""
	}
	return c.Value
}

// setTheme remembers a theme in the browser and leads back to the page.
func (d *Dashboard) setTheme(v visit) (reply, error) {
	form, err := v.form()
	if err != nil {
		return reply{}, err
	}
	c := &http.Cookie{
		Name: themeCookie, Path: root, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(themeLife.Seconds()), Secure: d.overTLS(v.Request()),
	}
	switch t := form.Get("theme"); t {
	case "light", "dark":
		c.Value = t
	default:
		c.MaxAge = -1
	}
	v.SetCookie(c)
	return goTo(safeNext(form.Get("next"))), nil
}
