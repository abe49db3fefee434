package mem0api

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"memhook/memory"
	"memhook/signing/apikey"
)

// defaultHits is how many memories a search finds at most unless it says.
const defaultHits = 10

// searchRequest is what the search routes of all versions ask for.
type searchRequest struct {
	selection
	text      string
	hits      int
	threshold float64 // 0: none
	v11       bool    // output_format v1.1: an object around the results
}

// The versions differ in the threshold that holds unless the caller says; the
// numbers are mem0's.
type (
	searchV1 struct{ searchRequest }
	searchV2 struct{ searchRequest }
	searchV3 struct{ searchRequest } // with the entity IDs in filters
)

func (r *searchV1) read(in *input) error { return r.readBody(in, 0, true) }
func (r *searchV2) read(in *input) error { return r.readBody(in, 0.3, true) }
func (r *searchV3) read(in *input) error { return r.readBody(in, 0.1, false) }

func (r *searchRequest) readBody(in *input, threshold float64, topIDs bool) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	r.hits, r.threshold = defaultHits, threshold
	var conds conditions
	for name, v := range body.members() {
		if id := entityID(&conds.scope, name); id != nil {
			err = readTopID(id, v, topIDs)
		} else {
			err = r.set(&conds, name, v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	if strings.TrimSpace(r.text) == "" {
		return &memory.InvalidError{Field: "query", Text: "is required and may not be empty"}
	}
	r.query.Filter, err = conds.filter()
	return err
}

func (r *searchRequest) set(conds *conditions, name []byte, v value) error {
	switch string(name) {
	case "query":
		return readText(&r.text, v)
	case "top_k", "limit":
		if err := readInt(&r.hits, v); err != nil {
			return err
		}
		if r.hits < 1 || r.hits > memory.MaxHits {
			return mustBe(fmt.Sprintf("from 1 to %d", memory.MaxHits))
		}
		return nil
	case "threshold":
		return readShare(&r.threshold, v)
	case "reference_date":
		return readReference(&r.query.Reference, v)
	case "metadata":
		return readObject(&conds.metadata, v)
	case "output_format":
		var format string
		err := readText(&format, v)
		r.v11 = format == "v1.1"
		return err
	}
	_, err := r.selection.set(conds, name, v)
	return err
}

// readReference reads Unix seconds, a date or a date-time. Of a date it is the last
// moment that counts: all of the day is past.
func readReference(dst *time.Time, v value) error {
	if v.isString() {
		if _, last, ok := instant(v.text()); ok {
			*dst = last
			return nil
		}
	}
	var t *time.Time
	if err := readTime(&t, v); err != nil {
		return mustBe("Unix seconds, a date or an ISO 8601 date-time")
	}
	if t != nil {
		*dst = *t
	}
	return nil
}

// readShare reads a number from 0 to 1.
func readShare(dst *float64, v value) error {
	if v.isNull() {
		return nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f < 0 || f > 1 {
		return mustBe("a number from 0 to 1")
	}
	*dst = f
	return nil
}

func (a *API) searchV1(ctx context.Context, key apikey.Key, r *searchV1) (any, error) {
	return a.searchOld(ctx, key, &r.searchRequest)
}

func (a *API) searchV2(ctx context.Context, key apikey.Key, r *searchV2) (any, error) {
	return a.searchOld(ctx, key, &r.searchRequest)
}

// searchOld answers as v1 and v2 do.
func (a *API) searchOld(ctx context.Context, key apikey.Key, r *searchRequest) (any, error) {
	rows, err := a.search(ctx, key, r)
	if err != nil || !r.v11 {
		return rows, err
	}
	return related{rows, []any{}}, nil
}

type foundShape struct {
	Results []any `json:"results"`
}

func (a *API) searchV3(ctx context.Context, key apikey.Key, r *searchV3) (foundShape, error) {
	rows, err := a.search(ctx, key, &r.searchRequest)
	return foundShape{rows}, err
}

// search shows the memories that fit a text, best first.
func (a *API) search(ctx context.Context, key apikey.Key, r *searchRequest) ([]any, error) {
	r.query.ProjectID = key.ProjectID
	hits, err := a.memory.Search(ctx, r.query, r.text, r.hits, r.threshold)
	if err != nil {
		return nil, err
	}
	rows := make([]any, len(hits))
	for i, h := range hits {
		if rows[i], err = shownHit(h, r.fields); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
