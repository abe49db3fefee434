package sqlstore

import (
	"strings"
	"unicode/utf8"

	"memhook/memory"
)

// maxNeedle is how much of a searched part LIKE looks for, in bytes. SQLite
// refuses patterns above 50,000.
const maxNeedle = 256

func (w filterWriter) text(c memory.Condition, want bool) predicate {
	switch {
	case c.Op == memory.OpSet:
		return constant(want)
	case want && c.Op == memory.OpContains:
		return w.like(c.Text, func(part string) predicate {
			return w.pattern("text", prefix(part))
		})
	case want && c.Op == memory.OpIContains:
		return w.like(c.Text, func(part string) predicate {
			return w.pattern("LOWER(text)", caseless(part))
		})
	default:
		return unknown
	}
}

// categories relies on the column's JSON being written by encode: plain names
// stand in it as they are.
func (w filterWriter) categories(c memory.Condition, want bool) predicate {
	switch {
	case c.Op == memory.OpSet:
		return isNull("categories", !want)
	case c.Op == memory.OpEqual && c.Null && len(c.Text) == 0:
		return isNull("categories", want)
	case want && c.Op == memory.OpEqual && !c.Null:
		return w.like(c.Text, func(name string) predicate {
			if !plain(name) {
				return predicate{"categories IS NOT NULL", false}
			}
			return w.pattern("categories", `"`+name+`"`)
		})
	case want && c.Op == memory.OpContains:
		return w.like(c.Text, func(part string) predicate {
			return w.pattern("LOWER(categories)", caseless(part))
		})
	default:
		return unknown
	}
}

func (w filterWriter) metadata(c memory.Condition, want bool) predicate {
	isSet := predicate{"metadata IS NOT NULL", false} // an inner null is null, too
	switch {
	case c.Op == memory.OpSet && want:
		return isSet
	case c.Op == memory.OpEqual && !c.Null && want, c.Op == memory.OpEqual && c.Null && len(c.JSON) == 0 && !want:
		return isSet
	case c.Op == memory.OpContains && want:
		return isSet
	default:
		return unknown
	}
}

// like joins what looks for each part. Match decides on what is found.
func (w filterWriter) like(parts []string, look func(string) predicate) predicate {
	mark := len(*w.args)
	var list []predicate
	for _, part := range parts {
		list = append(list, look(part))
	}
	return w.or(mark, list)
}

// pattern looks for a part of a column without wanting its exact case.
func (w filterWriter) pattern(column, part string) predicate {
	if part == "" {
		return unknown
	}
	part = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part)
	return predicate{column + " LIKE " + w.bind("%"+part+"%") + " ESCAPE '!'", false}
}

// prefix returns as much of a part as LIKE can look for, "" if it cannot.
func prefix(part string) string {
	if !utf8.ValidString(part) || strings.ContainsRune(part, 0) {
		return ""
	}
	if len(part) <= maxNeedle {
		return part
	}
	cut := maxNeedle
	for !utf8.RuneStart(part[cut]) {
		cut--
	}
	return part[:cut]
}

// caseless returns the longest run of characters in part that LOWER makes the
// same of, in both databases and every locale, wherever Match finds them. Not of
// i, whose capital is another in Turkish, and not of k and s, which are the small
// forms of letters outside ASCII, too. "" if there is none.
func caseless(part string) string {
	runs := strings.FieldsFunc(strings.ToLower(part), func(r rune) bool {
		return !plainRune(r) || r == 'i' || r == 'k' || r == 's'
	})
	longest := ""
	for _, run := range runs {
		if len(run) > len(longest) {
			longest = run
		}
	}
	return longest[:min(len(longest), maxNeedle)]
}

// plain tells whether every character stands for itself in JSON and has no other
// case outside ASCII that matters here.
func plain(s string) bool {
	return s != "" && len(s) <= maxNeedle && !strings.ContainsFunc(s, func(r rune) bool { return !plainRune(r) })
}

func plainRune(r rune) bool {
	return r == ' ' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
