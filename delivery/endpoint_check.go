package delivery

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// validate checks what a person can set, apart from the URL, which the egress
// guard judges.
func (e Endpoint) validate() error {
	switch {
	case strings.TrimSpace(e.Name) == "":
		return &InvalidError{"name", "This field is required."}
	case utf8.RuneCountInString(e.Name) > MaxNameLength:
		return &InvalidError{"name", fmt.Sprintf("Ensure this field has no more than %d characters.", MaxNameLength)}
	case !printable(e.Name):
		return &InvalidError{"name", "Control characters are not allowed."}
	case len(e.EventTypes) == 0:
		return &InvalidError{"event_types", "This list may not be empty."}
	case e.Format != Full && e.Format != Thin && e.Format != Mem0:
		return &InvalidError{"format", "Must be full, thin or mem0."}
	case e.Timeout < 0 || e.Timeout > MaxTimeout || (e.Timeout > 0 && e.Timeout < time.Second):
		return &InvalidError{"timeout_s", "Must be between 1 and 30 seconds."}
	case !slices.Contains(Orders(), e.Order):
		return &InvalidError{"order", "Must be none, memory or latest."}
	case utf8.RuneCountInString(e.Description) > MaxDescription || !utf8.ValidString(e.Description) || strings.ContainsRune(e.Description, 0):
		return &InvalidError{"description", fmt.Sprintf("Must be text of at most %d characters.", MaxDescription)}
	case math.IsNaN(e.RatePerSecond) || e.RatePerSecond != 0 && (e.RatePerSecond < MinRate || e.RatePerSecond > MaxRate):
		return &InvalidError{"rate_per_second", fmt.Sprintf("Must be from one an hour (%.5f) to %.0f, or 0 for no limit.", MinRate, MaxRate)}
	}
	if err := validTypes("event_types", e.EventTypes); err != nil {
		return err
	}
	if err := e.Headers.validate(); err != nil {
		return err
	}
	return e.Filter.validate()
}

// validTypes checks a list of message types.
func validTypes(field string, types []string) error {
	for _, t := range types {
		if knownType(t) {
			continue
		}
		valid := EventTypes()
		if strings.Contains(t, ".") { // mem0's types have no dot
			valid = append(OperationalTypes(), RelayPrefix+"*", RelayPrefix+"<name>")
		}
		return &InvalidError{field, fmt.Sprintf("%q is not a valid choice. Valid: %s.", clip(t, 64), strings.Join(valid, ", "))}
	}
	return nil
}
