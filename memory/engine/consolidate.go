package engine

import (
	"slices"
	"strings"

	"memhook/memory"
)

// A plan is what becomes of the memories of one scope.
type plan struct {
	known  []memory.Memory // recalled, newest first
	drafts []planned
	repeat bool // something said was known already
}

// A planned draft remembers the text that it changes and may be dropped.
type planned struct {
	memory.Draft
	before  string
	dropped bool
}

// apply decides what a fact changes.
func (p *plan) apply(f fact) {
	switch f.intent {
	case forget:
		p.remove(f)
	case negate:
		if !p.remove(f) && !p.elsewhere(f) {
			p.keep(f)
		}
	case outlive:
		p.outlive(f)
	default:
		p.keep(f)
	}
}

// appendDrafts appends what is left of the drafts.
func (p *plan) appendDrafts(to []memory.Draft) []memory.Draft {
	for _, d := range p.drafts {
		if !d.dropped {
			to = append(to, d.Draft)
		}
	}
	return to
}

// keep adds the fact, or puts it in the place of what it says better.
func (p *plan) keep(f fact) {
	if p.has(f) {
		p.repeat = true
		return
	}
	if p.keepInDraft(f) || p.keepInMemory(f) {
		return
	}
	p.drafts = append(p.drafts, planned{
		Draft: memory.Draft{Kind: memory.ChangeAdd, Text: f.text, Subject: f.subject, Scope: f.scope},
	})
}

// keepInDraft lets a later fact of the conversation win over an earlier one.
func (p *plan) keepInDraft(f fact) bool {
	for i := range p.drafts {
		d := &p.drafts[i]
		if d.dropped || d.Subject != f.subject || d.Kind == memory.ChangeDelete {
			continue
		}
		switch f.compare(d.Text) {
		case same:
			return true
		case replaces:
			p.rewrite(d, f)
			return true
		}
	}
	return false
}

// keepInMemory looks for the newest memory that says the same or less. An
// immutable one can only make the fact a repeat.
func (p *plan) keepInMemory(f fact) bool {
	for _, m := range p.known {
		if !about(f, m) {
			continue
		}
		d, like := p.draftOf(m), f.compare(m.Text)
		switch {
		case like == same && d == nil:
			p.repeat = true
			return true
		case m.Immutable || like == apart:
		case like == same && d.Kind == memory.ChangeDelete: // taken back, then said again
			d.dropped = true
			return true
		case d == nil || d.Kind == memory.ChangeDelete:
			p.update(m, d, f)
			return true
		}
	}
	return false
}

// has tells whether the very text is known or drafted. The sentence as it was
// said counts too: it is what an add without inference stored.
func (p *plan) has(f fact) bool {
	for _, m := range p.known {
		if (m.Text == f.text || m.Text == f.said) && p.draftOf(m) == nil && !p.contradicted(f, m) {
			return true
		}
	}
	for _, d := range p.drafts {
		if !d.dropped && d.Kind != memory.ChangeDelete && sameWords(tokens(d.Text), tokens(f.text)) {
			return true
		}
	}
	return false
}

// contradicted tells whether a draft or a newer memory of the fact's subject
// says otherwise.
func (p *plan) contradicted(f fact, known memory.Memory) bool {
	if f.subject == "" || f.shared {
		return false
	}
	for _, d := range p.drafts {
		if !d.dropped && d.Subject == f.subject && d.Kind == memory.ChangeAdd {
			return true
		}
	}
	for _, m := range p.known {
		if m.ID == known.ID {
			return false
		}
		if m.Subject == f.subject && !m.Immutable {
			return true
		}
	}
	return false
}

// rewrite gives a draft the text of a later fact.
func (p *plan) rewrite(d *planned, f fact) {
	d.Text, d.Subject, d.Richer = f.text, f.subject, richer(f.text, d.before)
	if d.Kind == memory.ChangeUpdate && sameWords(tokens(d.before), tokens(f.text)) {
		d.dropped, p.repeat = true, true
	}
}

// update changes a memory, which a retraction may have been about to delete.
func (p *plan) update(m memory.Memory, d *planned, f fact) {
	if d == nil {
		p.drafts = append(p.drafts, planned{})
		d = &p.drafts[len(p.drafts)-1]
	}
	*d = planned{
		Draft: memory.Draft{
			Kind: memory.ChangeUpdate, Target: m.ID, Text: f.text, Subject: f.subject, Scope: f.scope, Richer: richer(f.text, m.Text),
		},
		before: m.Text,
	}
}

// remove deletes what the fact takes back. It tells whether there was any.
func (p *plan) remove(f fact) bool {
	found := false
	for i := range p.drafts {
		d := &p.drafts[i]
		if !d.dropped && d.Kind != memory.ChangeDelete && meant(f, d.Subject, d.Text) {
			d.dropped, found = true, true
		}
	}
	for _, m := range p.known {
		if m.Immutable || p.draftOf(m) != nil || !meant(f, m.Subject, m.Text) || f.intent == negate && negates(m.Text) {
			continue
		}
		found = true
		d := memory.Draft{Kind: memory.ChangeDelete, Target: m.ID, Subject: m.Subject, Scope: f.scope}
		if f.intent == negate {
			d.Text = f.text
		}
		p.drafts = append(p.drafts, planned{Draft: d, before: m.Text})
	}
	return found
}

// elsewhere tells whether something else stands where the fact says that its
// object does not: "I don't work at Acme any more" of somebody at Globex.
func (p *plan) elsewhere(f fact) bool {
	if f.subject == "" || f.shared {
		return false
	}
	for _, d := range p.drafts {
		if !d.dropped && d.Subject == f.subject && d.Kind != memory.ChangeDelete {
			return true
		}
	}
	for _, m := range p.known {
		if m.Subject == f.subject {
			p.repeat = true
			return true
		}
	}
	return false
}

// outlive keeps what was so once. It ends a memory that says it is so.
func (p *plan) outlive(f fact) {
	for _, m := range p.known {
		if f.subject != "" && !m.Immutable && p.draftOf(m) == nil && meant(f, m.Subject, m.Text) {
			f.slot = said(f.text)
			p.update(m, nil, f)
			return
		}
	}
	f.slot = said(f.text)
	p.keep(f)
}

// draftOf returns the live draft that changes the memory.
func (p *plan) draftOf(m memory.Memory) *planned {
	for i := range p.drafts {
		if d := &p.drafts[i]; d.Target == m.ID && d.Kind != memory.ChangeAdd && !d.dropped {
			return d
		}
	}
	return nil
}

// about tells whether the memory is of one of the fact's subjects. A job is
// about an employer where it names the firm.
func about(f fact, m memory.Memory) bool {
	if m.Subject == "" || m.Subject != f.subject && !slices.Contains(f.also, m.Subject) {
		return false
	}
	return m.Subject == f.subject || m.Subject != "job" || strings.Contains(m.Text, " at ") || strings.Contains(m.Text, " for ")
}

// meant tells whether a retraction means the text.
func meant(f fact, subject, text string) bool {
	if subject == "" || subject != f.subject && !slices.Contains(f.also, subject) {
		return f.intent == forget && text == f.text
	}
	have := tokens(text)
	for _, o := range f.object {
		if !slices.Contains(have, singular(strings.ToLower(o))) {
			return false
		}
	}
	return true
}
