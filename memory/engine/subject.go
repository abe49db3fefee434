package engine

import "strings"

// A slot is what a fact is about.
type slot struct {
	subject string   // memory.Subject
	also    []string // subjects whose memories the fact may concern too
	object  []string // words that a memory of the subject must have to be meant
	shared  bool     // several memories can stand in it side by side
}

// one is a slot with room for one memory.
func one(subject string) slot { return slot{subject: subject} }

// many is the slot of a verb and its object: "likes:tea".
func many(verb, object string) slot {
	if object == "" {
		return slot{}
	}
	return slot{subject: verb + ":" + object, shared: true}
}

// said is the slot of a fact that nothing but its own repetition concerns.
func said(text string) slot {
	return slot{subject: cut("said:"+strings.Join(tokens(text), " "), maxKey), shared: true}
}

// verbSlots are verbs whose facts are kept apart by their object.
var verbSlots = map[string]string{
	"like": "likes", "love": "likes", "hate": "likes", "enjoy": "likes", "dislike": "likes", "adore": "likes", "stand": "likes",
	"crave": "likes", "eat": "eats", "drink": "drinks", "smoke": "smokes", "take": "takes", "use": "uses", "speak": "speaks",
	"play": "plays", "own": "has", "have": "has", "study": "studies", "collect": "collects", "support": "supports",
	"wear": "wears", "sell": "has", "possess": "has",
}

// slot names what the predicate is about.
func (p *predicate) slot() slot {
	w := p.first()
	switch p.lemma {
	case "be":
		return copulaSlot(p.rest)
	case "live", "reside":
		if w.is(preposition) && w.low != "with" {
			return place("lives_in", p.rest[1:])
		}
		if w.low == "with" {
			return one("lives_with")
		}
	case "move", "relocate":
		return p.moveSlot()
	case "work":
		return workSlot(p.rest)
	case "join":
		return place("employer", p.rest)
	case "quit", "leave", "lose", "stop":
		if hasWord(p.rest, "job") {
			return slot{subject: "employer", also: []string{"job"}}
		}
		if w.is(verbIng) {
			return verbSlot(w.lemma, p.rest[1:])
		}
	case "get":
		return gotSlot(p.rest)
	case "prefer":
		return preferSlot(p.rest)
	}
	if s := p.personalSlot(); s.subject != "" {
		return s
	}
	switch p.tense {
	case present, habit:
	case ongoing, able:
		if p.lemma == "have" {
			return slot{}
		}
	default:
		if p.lemma != "sell" {
			return slot{}
		}
	}
	return verbSlot(p.lemma, p.rest)
}

// personalSlot is that of a verb that says one thing about a person.
func (p *predicate) personalSlot() slot {
	w := p.first()
	switch p.lemma {
	case "retire":
		return one("job")
	case "call", "name":
		return one("name")
	case "turn":
		if w.is(number) {
			return one("age")
		}
	case "weigh":
		return one("weight")
	case "bear":
		return birthSlot(p.rest)
	case "drive":
		if w.is(determiner | possessI) {
			return one("drives")
		}
	case "go":
		if w.low == "by" && p.second().upper() {
			return one("nickname")
		}
	}
	return slot{}
}

// verbSlot is that of a verb and its object.
func verbSlot(lemma string, rest []word) slot {
	verb, ok := verbSlots[lemma]
	if !ok {
		return slot{}
	}
	if len(rest) == 0 {
		if lexicon[lemma].kind&alone != 0 {
			return one(verb)
		}
		return slot{}
	}
	if rest[0].low == "to" && verb != "likes" {
		return slot{}
	}
	if verb == "has" {
		return hasSlot(rest)
	}
	return many(verb, object(rest))
}

// place is the slot of a fact whose object names the place or firm.
func place(subject string, rest []word) slot { return slot{subject: subject, object: contents(rest)} }

func (p *predicate) moveSlot() slot {
	if p.first().low != "to" && p.first().low != "from" || p.tense == possible {
		return slot{}
	}
	if p.tense == ongoing || p.tense == intended {
		return one("moving_to")
	}
	return place("lives_in", p.rest[1:])
}

func workSlot(rest []word) slot {
	at := -1
	for i, w := range rest {
		if w.oneOf("at", "for", "with") && at < 0 {
			at = i
		}
	}
	switch {
	case len(rest) == 0:
	case rest[0].low == "as":
		s := slot{subject: "job", object: contents(rest[1:])}
		if at > 0 {
			s.also = []string{"employer"}
		}
		return s
	case rest[0].oneOf("at", "for"):
		return slot{subject: "employer", also: []string{"job"}, object: contents(rest[1:])}
	case rest[0].low == "in":
		return place("works_in", rest[1:])
	case rest[0].low == "from":
		return one("works_from")
	}
	return slot{}
}

func birthSlot(rest []word) slot {
	switch {
	case len(rest) < 2:
		return slot{}
	case rest[0].low == "on", rest[1].is(timeWord):
		return one("birthday")
	case rest[1].is(number):
		return one("birth_year")
	case rest[0].low == "in":
		return one("birthplace")
	}
	return slot{}
}

func gotSlot(rest []word) slot {
	w := word{kind: punct}
	if len(rest) > 0 {
		w = rest[0]
	}
	switch {
	case w.is(marital):
		return one("relationship")
	case w.low == "promoted", hasWord(rest, "job") && !hasWord(rest, "interview"):
		return slot{subject: "employer", also: []string{"job"}}
	}
	return slot{}
}

// preferSlot is that of the things compared, or of what two preferences would
// have in common: "window seats" and "aisle seats" exclude each other.
func preferSlot(rest []word) slot {
	for i, w := range rest {
		if w.oneOf("over", "to", "than", "instead") && i > 0 && i+1 < len(rest) {
			if w.low == "to" && rest[i+1].is(verbBase) {
				break
			}
			a, b := object(rest[:i]), object(rest[i+1:])
			if a > b {
				a, b = b, a
			}
			return one("prefers:" + a + "|" + b)
		}
	}
	o := object(rest)
	if strings.HasPrefix(o, "be called ") {
		return one("nickname")
	}
	if hasWord(rest, "and") || hasWord(rest, "or") {
		return many("likes", o)
	}
	if i := strings.LastIndexByte(o, ' '); i >= 0 && !rest[0].is(verbIng) && rest[0].low != "to" {
		return one("prefers:" + o[i+1:])
	}
	return many("likes", o)
}

// hasSlot is that of owning something, or of something with a date.
func hasSlot(rest []word) slot {
	np := nounPhrase(rest)
	if len(np) == 0 || hasWord(rest, "and") {
		return slot{}
	}
	if last := np[len(np)-1]; last.is(event) {
		if len(np) == 1 {
			return slot{} // there are many meetings
		}
		return one(key(np))
	}
	if from := firstName(np); from >= 0 {
		return many("has", key(np[from:]))
	}
	return many("has", singular(np[len(np)-1].low))
}
