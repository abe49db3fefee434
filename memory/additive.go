package memory

import "slices"

// additive is what the drafts are under the Additive policy: they only add. What
// an update or a deletion would have changed is kept and marked by the memory that
// takes its place. A deletion that nothing can take the place of stays: somebody
// asked to have the memory forgotten.
func additive(drafts []Draft) []Draft {
	list := make([]Draft, 0, len(drafts))
	for _, d := range drafts {
		if d.Kind == ChangeAdd || d.Text == "" {
			list = append(list, d)
			continue
		}
		i := slices.IndexFunc(list, func(o Draft) bool {
			return o.Kind == ChangeAdd && len(o.Replaces) > 0 && o.Text == d.Text && o.Scope == d.Scope
		})
		if i >= 0 {
			list[i].Replaces = append(list[i].Replaces, d.Target)
			continue
		}
		d.Kind, d.Replaces = ChangeAdd, append(d.Replaces, d.Target)
		list = append(list, d)
	}
	return list
}
