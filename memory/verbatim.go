package memory

import "context"

// verbatim stores each user and assistant turn as it is: what an add with infer
// false asks for. A text that the scope has already is not stored twice.
func verbatim(ctx context.Context, add Add, recall Recall) (Decision, error) {
	var hashes []string
	var drafts []Draft
	seen := map[string]bool{}
	for _, t := range add.Turns {
		h := TextHash(t.Text)
		if t.Text == "" || (t.Role != "user" && !t.FromAssistant()) || seen[h] {
			continue
		}
		seen[h] = true
		hashes = append(hashes, h)
		drafts = append(drafts, Draft{Kind: ChangeAdd, Text: t.Text, Scope: add.Scope})
	}
	if len(drafts) == 0 {
		return Decision{Reason: ReasonNoText}, nil
	}
	known, err := recall(ctx, RecallQuery{Scope: add.Scope, Hashes: hashes, Limit: len(hashes)})
	if err != nil {
		return Decision{}, err
	}
	for _, m := range known {
		seen[m.Hash()] = false
	}
	fresh := drafts[:0]
	for i, d := range drafts {
		if seen[hashes[i]] {
			fresh = append(fresh, d)
		}
	}
	if len(fresh) == 0 {
		return Decision{Reason: ReasonAlreadyKnown}, nil
	}
	return Decision{Drafts: fresh}, nil
}
