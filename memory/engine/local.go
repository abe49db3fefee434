package engine

import (
	"context"
	"fmt"

	"memhook/memory"
)

const (
	// maxFacts is how many facts one conversation can give. The rest is not read, but
	// for one more that shows that there is a rest.
	maxFacts = 50
	maxRead  = maxFacts + 1
	// maxText is how long a memory's text can be, in bytes.
	maxText = 2000
	// maxRecall is how many memories are compared with the facts of one scope.
	maxRecall = 200
)

// Local is an engine of rules: it needs no network and no model, and decides
// the same for the same input. The zero value is ready.
type Local struct{}

// Decide implements memory.Engine. Its only errors are those of recall.
func (Local) Decide(ctx context.Context, add memory.Add, recall memory.Recall) (memory.Decision, error) {
	facts, heard := extract(add)
	more := len(facts) > maxFacts
	if more {
		facts = facts[:maxFacts]
	}
	switch {
	case !heard:
		return memory.Decision{Reason: memory.ReasonNoText}, nil
	case len(facts) == 0:
		return memory.Decision{Reason: memory.ReasonNoFacts}, nil
	}
	d := memory.Decision{Reason: memory.ReasonNoFacts}
	for len(facts) > 0 {
		var mine []fact
		mine, facts = ofScope(facts, facts[0].scope)
		known, err := recall(ctx, query(mine))
		if err != nil {
			return memory.Decision{}, fmt.Errorf("recall: %w", err)
		}
		p := plan{known: known}
		for _, f := range mine {
			p.apply(f)
		}
		d.Drafts = p.appendDrafts(d.Drafts)
		if p.repeat {
			d.Reason = memory.ReasonAlreadyKnown
		}
	}
	switch {
	case more:
		d.Reason = memory.ReasonTooManyFacts
	case len(d.Drafts) > 0:
		d.Reason = ""
	}
	return d, nil
}

// extract returns the facts of the conversation, and whether there was any text.
func extract(add memory.Add) (facts []fact, heard bool) {
	x := extractor{buf: make([]word, 0, 48)}
	for _, t := range add.Turns {
		if t.Role != "user" && !t.FromAssistant() {
			continue
		}
		body := clean(t.Text)
		if !hasText(body) {
			continue
		}
		heard = true
		x.scope = add.ScopeOf(t)
		x.turn(t, body)
	}
	return choose(x.facts, newFilter(add.Includes), newFilter(add.Excludes)), heard
}

func hasText(s string) bool {
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '\n' {
			return true
		}
	}
	return false
}

// choose drops the facts that the caller does not want.
func choose(facts []fact, includes, excludes filter) []fact {
	if len(includes) == 0 && len(excludes) == 0 {
		return facts
	}
	var kept []fact
	for _, f := range facts {
		about := f.text + " " + f.subject
		if len(includes) > 0 && !includes.matches(about) || excludes.matches(about) {
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

// ofScope parts the facts of a scope from the others.
func ofScope(facts []fact, s memory.Scope) (mine, others []fact) {
	for i, f := range facts {
		if f.scope != s {
			if others == nil {
				mine = append(mine, facts[:i]...)
			}
			others = append(others, f)
		} else if others != nil {
			mine = append(mine, f)
		}
	}
	if others == nil {
		return facts, nil
	}
	return mine, others
}

// query asks for the memories that the facts could repeat or change.
func query(facts []fact) memory.RecallQuery {
	q := memory.RecallQuery{Scope: facts[0].scope, Limit: maxRecall, Hashes: make([]string, 0, 2*len(facts))}
	for _, f := range facts {
		if f.subject != "" {
			q.Subjects = append(q.Subjects, f.subject)
			q.Subjects = append(q.Subjects, f.also...)
		}
		q.Hashes = append(q.Hashes, memory.TextHash(f.text))
		if f.said != f.text {
			q.Hashes = append(q.Hashes, memory.TextHash(f.said))
		}
	}
	return q
}
