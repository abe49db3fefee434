package mem0api

import (
	"errors"
	"fmt"
	"net/http"

	"memhook/memory"
	"memhook/signing/apikey"
)

// authenticate returns the key of a request if it may do what needs the scope.
func (a *API) authenticate(r *http.Request, need apikey.Scope) (apikey.Key, error) {
	text, ok := apikey.FromHeader(r.Header)
	if !ok {
		return apikey.Key{}, errBadKey
	}
	key, err := a.keys(r.Context(), apikey.Hash(text))
	switch {
	case errors.Is(err, memory.ErrNotFound):
		return apikey.Key{}, errBadKey
	case err != nil:
		return apikey.Key{}, fmt.Errorf("look up key: %w", err)
	case !key.Matches(text):
		return apikey.Key{}, errBadKey
	case !key.Scope.Allows(need):
		return apikey.Key{}, errForbidden
	}
	return key, nil
}
