package delivery

// An Interest says which messages a reader of the feed wants, as an endpoint does. The
// zero Interest wants what an endpoint of every type gets.
type Interest struct {
	Types  []string // as an endpoint's; none: AllTypes
	Filter Filter
}

// Validate checks what a caller has given. *InvalidError.
func (i Interest) Validate() error {
	if err := validTypes("types", i.Types); err != nil {
		return err
	}
	return i.Filter.validate()
}

// Takes tells whether the reader wants a message as it is stored.
func (i Interest) Takes(m Message) bool {
	e := Endpoint{EventTypes: i.Types, Filter: i.Filter}
	if len(e.EventTypes) == 0 {
		e.EventTypes = []string{AllTypes}
	}
	if !i.Filter.IsZero() {
		writer := m.Facets.Writer // it is not in the body
		m.Facets = m.storedFacets()
		m.Facets.Writer = writer
	}
	return e.Wants(m)
}
