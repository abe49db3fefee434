package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"memhook/memory"
)

// Model is an engine that asks a language model what a conversation changes. The
// model sees the memories that fit the conversation under small numbers and can
// touch no others. New makes one.
type Model struct{ chat *chatModel }

// NewModel returns an engine that asks the model.
func NewModel(c RemoteConfig) *Model { return &Model{newChat(c)} }

// Limits of what the model is given.
const (
	maxTurnText     = 16 << 10 // bytes of one turn
	maxConversation = 96 << 10 // bytes of all turns; the last ones count
	maxQueries      = 10       // turns by which memories are looked for
	maxQueryText    = 2000     // bytes of each
	perQuery        = 10       // memories found for each
	maxOffered      = 60       // memories in all
)

// Decide implements memory.Engine. Its errors are those of recall, a
// *memory.LaterError where the model is out of reach, and others that wrap
// memory.ErrRefused.
func (m *Model) Decide(ctx context.Context, add memory.Add, recall memory.Recall) (memory.Decision, error) {
	d := deciding{add: add, recall: recall}
	if !d.hear() {
		return memory.Decision{Reason: memory.ReasonNoText}, nil
	}
	if err := d.remember(ctx); err != nil {
		return memory.Decision{}, fmt.Errorf("recall: %w", err)
	}
	system, err := prompt("remember.md", guidanceOf(add))
	if err != nil {
		return memory.Decision{}, err
	}
	q := inquiry{name: "changes", system: system, data: d.material(m.chat.config.Now()), schema: replySchema}
	if err := m.chat.ask(ctx, q, d.accept); err != nil {
		return memory.Decision{}, err
	}
	return d.decision(ctx)
}

// deciding is one conversation on its way through the model.
type deciding struct {
	add    memory.Add
	recall memory.Recall
	turns  []shownTurn
	known  []memory.Memory // offered, by their number less one
	drafts []memory.Draft
	repeat bool // something said was known already
}

// hear chooses the turns that the model sees, and tells whether there is one to
// remember from.
func (d *deciding) hear() bool {
	heard, size := false, 0
	for i := len(d.add.Turns) - 1; i >= 0 && size < maxConversation; i-- {
		t := d.add.Turns[i]
		text := strings.TrimSpace(cut(clean(t.Text), maxTurnText))
		if text == "" {
			continue
		}
		size += len(text)
		heard = heard || source(t.Role)
		d.turns = append(d.turns, shownTurn{Turn: i + 1, Role: t.Role, Name: t.Name, Text: text})
	}
	slices.Reverse(d.turns)
	return heard
}

// source tells whether facts are taken from turns of the role.
func source(role string) bool { return role == "user" || memory.Turn{Role: role}.FromAssistant() }

// remember looks for the memories that the conversation could concern, in each
// scope that its facts may belong to.
func (d *deciding) remember(ctx context.Context) error {
	queries := map[memory.Scope][]string{}
	var scopes []memory.Scope
	for _, t := range slices.Backward(d.turns) {
		if !source(t.Role) {
			continue
		}
		s := d.scopeOf(t.Turn)
		if len(queries[s]) == 0 {
			scopes = append(scopes, s)
		}
		if len(queries[s]) < maxQueries {
			queries[s] = append(queries[s], cut(t.Text, maxQueryText))
		}
	}
	for _, s := range scopes {
		list, err := d.recall(ctx, memory.RecallQuery{Scope: s, Texts: queries[s], Limit: perQuery})
		if err != nil {
			return err
		}
		d.known = append(d.known, list...)
	}
	d.known = d.known[:min(len(d.known), maxOffered)]
	return nil
}

func (d *deciding) scopeOf(turn int) memory.Scope { return d.add.ScopeOf(d.add.Turns[turn-1]) }

func (d *deciding) material(now time.Time) input {
	if d.add.Timestamp != nil {
		now = *d.add.Timestamp
	}
	m := input{Today: now.UTC().Format("Monday, 2006-01-02"), Memories: []offered{}, Conversation: d.turns}
	for i, k := range d.known {
		m.Memories = append(m.Memories, offered{Number: i + 1, Memory: k.Text, Fixed: k.Immutable})
	}
	return m
}

// accept turns an answer into drafts. What cannot be is left out; an answer of
// which nothing is left is unusable.
func (d *deciding) accept(answer []byte) error {
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil || len(answer) == 0 {
		return &unusable{"it is not the JSON object that was asked for"}
	}
	d.drafts, d.repeat = nil, r.Known
	problem := ""
	for _, c := range r.Changes[:min(len(r.Changes), maxFacts)] {
		if text := d.apply(c); text != "" {
			problem = text
		}
	}
	if problem != "" && len(d.drafts) == 0 {
		return &unusable{problem}
	}
	return nil
}

// apply makes a draft of one change, or says why it cannot be one.
func (d *deciding) apply(c replied) (problem string) {
	text := ""
	if c.Text != nil {
		text = cut(strings.Join(strings.Fields(clean(*c.Text)), " "), maxText)
	}
	if mentionsSecret(splitWords(nil, text)) {
		return ""
	}
	var target *memory.Memory
	if c.Action != "add" {
		if c.Number == nil || *c.Number < 1 || *c.Number > len(d.known) {
			return "it changes a memory whose number was not given"
		}
		target = &d.known[*c.Number-1]
		if slices.ContainsFunc(d.drafts, func(o memory.Draft) bool { return o.Kind != memory.ChangeAdd && o.Target == target.ID }) {
			return "it changes a memory twice"
		}
	}
	switch {
	case c.Action == "delete" && target.Immutable:
	case c.Action == "delete":
		d.drafts = append(d.drafts, memory.Draft{
			Kind: memory.ChangeDelete, Target: target.ID, Text: text, Subject: target.Subject, Scope: target.Scope,
		})
	case c.Action != "add" && c.Action != "update":
		return "its action is none of add, update and delete"
	case text == "":
		return "a text is missing"
	case target == nil:
		d.addFact(text, d.scopeFor(c.Turn))
	case target.Immutable:
		d.addFact(text, target.Scope)
	default:
		d.update(text, *target)
	}
	return ""
}

// scopeFor is whose fact it is. Without a turn that it can come from it is the
// first speaker's.
func (d *deciding) scopeFor(turn *int) memory.Scope {
	first := memory.Scope{}
	for _, t := range d.turns {
		if !source(t.Role) {
			continue
		}
		if turn != nil && t.Turn == *turn {
			return d.scopeOf(t.Turn)
		}
		if first.Empty() {
			first = d.scopeOf(t.Turn)
		}
	}
	return first
}

func (d *deciding) addFact(text string, s memory.Scope) {
	if d.said(text, s) {
		d.repeat = true
		return
	}
	d.drafts = append(d.drafts, memory.Draft{Kind: memory.ChangeAdd, Text: text, Scope: s})
}

func (d *deciding) update(text string, m memory.Memory) {
	if d.said(text, m.Scope) {
		d.repeat = true
		return
	}
	d.drafts = append(d.drafts, memory.Draft{
		Kind: memory.ChangeUpdate, Target: m.ID, Text: text, Subject: m.Subject, Scope: m.Scope, Richer: richer(text, m.Text),
	})
}

// said tells whether a memory or a draft of the scope has the very text.
func (d *deciding) said(text string, s memory.Scope) bool {
	return slices.ContainsFunc(d.known, func(m memory.Memory) bool { return m.Scope == s && m.Text == text }) ||
		slices.ContainsFunc(d.drafts, func(o memory.Draft) bool {
			return o.Scope == s && o.Text == text && o.Kind != memory.ChangeDelete
		})
}

// decision drops the new facts whose text the scope has: not every memory was
// offered.
func (d *deciding) decision(ctx context.Context) (memory.Decision, error) {
	hashes := map[memory.Scope][]string{}
	for _, draft := range d.drafts {
		if draft.Kind == memory.ChangeAdd {
			hashes[draft.Scope] = append(hashes[draft.Scope], memory.TextHash(draft.Text))
		}
	}
	for s, list := range hashes {
		known, err := d.recall(ctx, memory.RecallQuery{Scope: s, Hashes: list, Limit: maxRecall})
		if err != nil {
			return memory.Decision{}, fmt.Errorf("recall: %w", err)
		}
		for _, m := range known {
			n := len(d.drafts)
			d.drafts = slices.DeleteFunc(d.drafts, func(o memory.Draft) bool {
				return o.Kind == memory.ChangeAdd && o.Scope == s && o.Text == m.Text
			})
			d.repeat = d.repeat || len(d.drafts) < n
		}
	}
	switch {
	case len(d.drafts) > 0:
		return memory.Decision{Drafts: d.drafts}, nil
	case d.repeat:
		return memory.Decision{Reason: memory.ReasonAlreadyKnown}, nil
	}
	return memory.Decision{Reason: memory.ReasonNoFacts}, nil
}
