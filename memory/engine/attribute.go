package engine

import "strings"

// ownSlot names what "my sister Anna is a doctor" is about.
func (x *extractor) ownSlot(np, rest []word) slot {
	if a := attributeOf(np); a != "" {
		return one(a)
	}
	if i := orderNumber(np); i >= 0 {
		return orderSlot(np[i].low, rest)
	}
	if np[len(np)-1].oneOf("job", "employer") && rest[0].is(be) {
		return slot{subject: "employer", also: []string{"job"}}
	}
	if anyIs(np, relation|pet) {
		return personSlot(key(np), rest)
	}
	if !rest[0].oneOf("is", "are", "was", "'s", "isn't") {
		return slot{}
	}
	switch w := rest[1]; {
	case w.oneOf("called", "named"):
		return one(key(np) + ":name")
	case w.is(determiner | preposition | number | timeWord), w.upper(), strings.ContainsAny(w.low, "$€£+#"):
		return one(key(np))
	}
	return slot{}
}

// personSlot is that of a predicate about a relative, a friend or a pet.
func personSlot(who string, rest []word) slot {
	v := rest[0]
	next := word{kind: punct}
	if len(rest) > 1 {
		next = rest[1]
	}
	switch {
	case strings.HasSuffix(who, " name"), strings.HasSuffix(who, " birthday"), strings.HasSuffix(who, " age"):
		i := strings.LastIndexByte(who, ' ')
		return one(strings.TrimSuffix(who[:i], "'s") + ":" + who[i+1:])
	case v.oneOf("is", "'s", "turned") && next.is(number) && isAge(rest[1:]):
		return one(who + ":age")
	case v.is(be) && next.oneOf("called", "named"):
		return one(who + ":name")
	case v.is(be) && jobNoun(rest[1:]), v.lemma == "work" && next.oneOf("at", "for", "as"):
		return one(who + ":job")
	case v.lemma == "live" && v.is(verbThird|verbBase) && next.is(preposition) && next.low != "with",
		v.lemma == "move" && v.is(verbPast) && next.low == "to":
		return one(who + ":lives_in")
	}
	return slot{}
}

// attributeOf returns the subject of a noun phrase that names one of the
// user's attributes, such as "new phone number", or "".
func attributeOf(np []word) string {
	for i, w := range np {
		if w.oneOf("favorite", "favourite") && i+1 < len(np) {
			return "favorite:" + strings.Replace(key(np[i+1:]), "colour", "color", 1)
		}
	}
	if len(np) == 0 || !np[len(np)-1].is(attribute) || anyIs(np, relation|pet) || possessive(np) {
		return ""
	}
	for len(np) > 1 && np[0].oneOf("new", "current", "old", "actual", "full", "home", "mobile", "cell", "private", "personal",
		"correct", "real") {
		np = np[1:]
	}
	switch k := key(np); k {
	case "phone number", "number", "phone":
		return "phone"
	case "email address", "e-mail address", "e-mail", "email":
		return "email"
	case "birthdate":
		return "birthday"
	default:
		return k
	}
}

func possessive(np []word) bool {
	for _, w := range np {
		if strings.HasSuffix(w.low, "'s") {
			return true
		}
	}
	return false
}

func orderNumber(np []word) int {
	if !anyIs(np, business) {
		return -1
	}
	for i, w := range np {
		if strings.HasPrefix(w.low, "#") || w.is(number) && strings.ContainsAny(w.low, "0123456789") {
			return i
		}
	}
	return -1
}

// orderSlot keeps what an order is for apart from where it is.
func orderSlot(number string, rest []word) slot {
	subject := "order:" + cut(strings.TrimPrefix(number, "#"), maxKey)
	if rest[0].is(be) && len(rest) > 1 && rest[1].low == "for" || rest[0].lemma == "contain" || rest[0].lemma == "include" {
		return one(subject + ":item")
	}
	return one(subject + ":status")
}
