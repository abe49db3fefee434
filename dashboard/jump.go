package dashboard

import (
	"errors"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory"
)

// jump leads from an ID to its page, and from any other text to a search among
// deliveries.
func (d *Dashboard) jump(v visit) (reply, error) {
	q := strings.TrimSpace(v.QueryParam("q"))
	if q == "" {
		return goTo(root + "deliveries"), nil
	}
	to, err := d.pageOf(v, q)
	if err != nil {
		return reply{}, err
	}
	if to == "" {
		to = root + "deliveries?" + url.Values{"q": {q}}.Encode()
	}
	return goTo(to), nil
}

// pageOf returns the page of what an ID names, "" when the text is no ID or names
// nothing of the project that has a page.
func (d *Dashboard) pageOf(v visit, q string) (string, error) {
	prefix, rest, ok := strings.Cut(q, "_")
	if !ok {
		prefix, rest = "", q
	}
	id, err := uuid.Parse(rest)
	if err != nil || len(rest) != 36 {
		return "", nil
	}
	switch prefix + "_" {
	case delivery.EndpointPrefix:
		return endpointPath(id), nil
	case delivery.DeliveryPrefix:
		return deliveryPath(id), nil
	case memory.ErasurePrefix:
		return erasurePath(id), nil
	case delivery.MessagePrefix:
		return root + "deliveries?message=" + delivery.FormatID(delivery.MessagePrefix, id), nil
	case "_":
		return d.pageOfBare(v, id)
	}
	return "", nil
}

// pageOfBare tries what a bare UUID may be the ID of.
func (d *Dashboard) pageOfBare(v visit, id uuid.UUID) (string, error) {
	tries := []struct {
		page string
		find func() error
	}{
		{eventPath(id), func() error { _, _, err := d.memory.Event(v.ctx(), v.project(), id); return err }},
		{memoryPath(id), func() error { _, err := d.memory.History(v.ctx(), v.project(), id); return err }},
		{deliveryPath(id), func() error { _, err := d.delivery.Trail(v.ctx(), v.project(), id); return err }},
		{endpointPath(id), func() error { _, err := d.delivery.Endpoint(v.ctx(), v.project(), id); return err }},
	}
	for _, t := range tries {
		switch err := t.find(); {
		case err == nil:
			return t.page, nil
		case !errors.Is(err, memory.ErrNotFound) && !errors.Is(err, delivery.ErrNotFound):
			return "", err
		}
	}
	return "", errNotFound
}

func memoryPath(id uuid.UUID) string { return root + "memories/" + id.String() }
