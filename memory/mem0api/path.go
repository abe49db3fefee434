package mem0api

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// roots are the paths under which every path is this API's.
var roots = []string{"/v1/", "/v2/", "/v3/", "/api/v1/"}

// normalizePath gives a path of this API the one spelling that the routes have: a
// single slash at both ends. Clients build URLs as host + "/v1/...", so a host
// with a final slash doubles it, and the Python client does not follow a
// redirect. The path stays escaped, for the router to split and param to decode:
// an entity name may contain %2F.
func normalizePath(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		if path := spell(u.EscapedPath()); owns(path) {
			u.RawPath = path
			u.Path, _ = url.PathUnescape(path) // it comes from EscapedPath
		}
		return next(c)
	}
}

// spell returns the path with one slash at its start and at least one at its end.
func spell(path string) string {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path
}

func owns(path string) bool {
	for _, root := range roots {
		if strings.HasPrefix(path, root) {
			return true
		}
	}
	return false
}
