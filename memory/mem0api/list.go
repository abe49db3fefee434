package mem0api

import (
	"context"
	"math"

	"memhook/memory"
	"memhook/signing/apikey"
)

// listRequest is what the list routes of all versions ask for.
type listRequest struct {
	selection
	page      page
	limit     int  // cut-off without paging; 0: none
	v11       bool // output_format v1.1: an object around the results
	enveloped bool // answer a page
}

// A selection is what lists and searches have in common.
type selection struct {
	query  memory.Query
	fields []string
}

// listV1 is a list with all parameters in the query.
type listV1 struct{ listRequest }

func (r *listV1) read(in *input) error {
	q, err := in.query()
	if err != nil {
		return err
	}
	if r.page, err = in.page(q); err != nil {
		return err
	}
	r.enveloped = r.page.hasNumber && r.page.hasSize
	if r.limit, err = queryLimit(q); err != nil {
		return err
	}
	r.fields = queryList(q, "fields")
	conds := conditions{scope: queryScope(q), categories: queryList(q, "categories")}
	conds.start, conds.end, conds.keywords = q.Get("start_date"), q.Get("end_date"), q.Get("keywords")
	if conds.metadata, err = queryObject(q, "metadata"); err != nil {
		return err
	}
	r.query.ShowExpired = isTrue(q.Get("show_expired"))
	r.query.LatestOnly = isTrue(q.Get("latest_only"))
	r.query.IncludeMerged = isTrue(q.Get("include_merged"))
	r.query.Filter, err = conds.filter()
	return err
}

// listV2 is a list with filters or entity IDs in the body and paging in the query.
type listV2 struct{ listRequest }

func (r *listV2) read(in *input) error { return r.readBody(in, true) }

// listV3 is a list with the entity IDs in filters. It always answers a page.
type listV3 struct{ listRequest }

func (r *listV3) read(in *input) error {
	err := r.readBody(in, false)
	r.enveloped = true
	return err
}

// readBody reads the body and paging of v2, where entity IDs may stand at the top
// level, or of v3, where the body may have the paging.
func (r *listRequest) readBody(in *input, v2 bool) error {
	body, err := in.body()
	if err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	if r.page, err = in.page(q); err != nil {
		return err
	}
	r.enveloped = r.page.hasNumber && r.page.hasSize
	var conds conditions
	for name, v := range body.members() {
		if id := entityID(&conds.scope, name); id != nil {
			err = readTopID(id, v, v2)
		} else {
			err = r.set(&conds, name, v, v2)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	if err := r.page.check(); err != nil {
		return err
	}
	r.query.Filter, err = conds.filter()
	return err
}

// readTopID reads an entity ID that stands beside filters, where v3 has none.
func readTopID(dst *string, v value, allowed bool) error {
	if err := readID(dst, v); err != nil || *dst == "" || allowed {
		return err
	}
	return &memory.InvalidError{Text: "is not allowed at the top level; put it into filters"}
}

func (r *listRequest) set(conds *conditions, name []byte, v value, v2 bool) error {
	if known, err := r.selection.set(conds, name, v); known {
		return err
	}
	if v2 {
		return r.setV2(name, v)
	}
	return r.setV3(name, v)
}

// set reads a member of the body and tells whether it is one of a selection.
func (s *selection) set(conds *conditions, name []byte, v value) (known bool, err error) {
	switch string(name) {
	case "filters":
		err = readObject(&conds.filters, v)
	case "start_date":
		err = readText(&conds.start, v)
	case "end_date":
		err = readText(&conds.end, v)
	case "categories":
		err = readTexts(&conds.categories, v)
	case "keywords":
		err = readText(&conds.keywords, v)
	case "fields":
		err = readTexts(&s.fields, v)
	case "show_expired":
		err = readBool(&s.query.ShowExpired, v)
	case "latest_only":
		err = readBool(&s.query.LatestOnly, v)
	case "include_merged":
		err = readBool(&s.query.IncludeMerged, v)
	default:
		return false, nil
	}
	return true, err
}

func (r *listRequest) setV2(name []byte, v value) error {
	switch string(name) {
	case "limit", "top_k":
		if err := readInt(&r.limit, v); err != nil {
			return err
		}
		if !v.isNull() && (r.limit < 1 || r.limit > math.MaxInt32) {
			return mustBe("at least 1")
		}
	case "output_format":
		var format string
		err := readText(&format, v)
		r.v11 = format == "v1.1"
		return err
	}
	return nil
}

func (r *listRequest) setV3(name []byte, v value) error {
	switch {
	case string(name) == "page" && !r.page.hasNumber:
		return readInt(&r.page.number, v)
	case string(name) == "page_size" && !r.page.hasSize:
		return readInt(&r.page.size, v)
	}
	return nil
}

func (a *API) listV1(ctx context.Context, key apikey.Key, r *listV1) (any, error) {
	return a.list(ctx, key, &r.listRequest)
}

func (a *API) listV2(ctx context.Context, key apikey.Key, r *listV2) (any, error) {
	return a.list(ctx, key, &r.listRequest)
}

func (a *API) listV3(ctx context.Context, key apikey.Key, r *listV3) (any, error) {
	return a.list(ctx, key, &r.listRequest)
}

// related is a list in mem0's output_format v1.1. There is no graph.
type related struct {
	Results   []any `json:"results"`
	Relations []any `json:"relations"`
}

// maxList is how many memories a list without paging shows, the newest, if they
// have no more than memory.MaxListBytes. Whoever has more has to page.
const maxList = 10_000

// list shows the memories that a query matches, newest first.
func (a *API) list(ctx context.Context, key apikey.Key, r *listRequest) (any, error) {
	r.query.ProjectID, r.query.Limit = key.ProjectID, r.limit
	if r.enveloped {
		r.query.Offset, r.query.Limit = r.page.offset(), r.page.size
	}
	if r.query.Limit == 0 || r.query.Limit > maxList {
		r.query.Limit = maxList
	}
	r.query.MaxBytes, r.query.NoCount = memory.MaxListBytes, !r.enveloped
	memories, count, err := a.memory.List(ctx, r.query)
	if err != nil {
		return nil, err
	}
	if r.enveloped && len(memories) < min(r.page.size, count-r.page.offset()) {
		return nil, errPageBytes
	}
	rows := make([]any, len(memories))
	for i, m := range memories {
		if rows[i], err = shown(m, r.fields); err != nil {
			return nil, err
		}
	}
	switch {
	case r.enveloped:
		return pageOf(r.page, count, rows)
	case r.v11:
		return related{rows, []any{}}, nil
	}
	return rows, nil
}
