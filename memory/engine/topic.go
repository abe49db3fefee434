package engine

import "strings"

// topics are words that belong together, so that "nothing about food" also
// means pizza. Names come first, up to the bar.
var topics = []string{
	`food diet eating dietary nutrition | eat eats drink drinks cook cooks meat vegan vegetarian pizza pasta coffee tea wine
	restaurant recipe breakfast lunch dinner vegetables fruit cheese bread gluten pork fish`,
	`health medical medicine medication illness | allergic doctor diabetes asthma surgery pain pregnant sick blood therapy
	diagnosed hospital weighs weight injury hurt intolerant`,
	`sport fitness exercise | football soccer tennis basketball running runs gym hiking cycling swimming marathon training yoga`,
	`travel trip vacation | flight hotel visit visited passport airport train journey booked`,
	`work job career professional employment | works working employer company boss colleague office project nurse engineer manager`,
	`family relatives | wife husband partner sister brother mother father mom dad son daughter parents kids children`,
	`contact address phone email | e-mail number`,
	`pet animal | dog cat puppy kitten`,
	`finance money financial salary income | budget bank loan mortgage euros dollars`,
	`location residence home | lives moved live address city`,
	`order purchase shopping | ordered bought purchased delivery refund`,
	`music | band song guitar piano jazz concert artist album`,
}

// ignored are words of a filter that say nothing about what it is for.
var ignored = wordSet(`a an the and or of in on to for with about any anything all everything only just not no never don't do
	please include exclude keep store save remember extract skip ignore leave out related things thing stuff information info
	facts fact details detail data user user's users their they them other from that this is are be such as etc like memories
	memory preference preferences personal topics topic regarding concerning mention mentions sensitive`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// A filter is the free text of Add.Includes or Add.Excludes as keywords. An
// empty one matches nothing.
type filter map[string]bool

func newFilter(s string) filter {
	if s == "" {
		return nil
	}
	f := filter{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), notInWord) {
		if len(f) < maxKeywords && !ignored[w] {
			f[stem(w)] = true
		}
	}
	for _, t := range topics {
		names, members, _ := strings.Cut(t, "|")
		if !f.matches(names) {
			continue
		}
		for _, w := range strings.Fields(names + members) {
			f[stem(w)] = true
		}
	}
	return f
}

const maxKeywords = 200

func (f filter) matches(text string) bool {
	for _, w := range strings.FieldsFunc(strings.ToLower(text), notInWord) {
		if f[stem(w)] {
			return true
		}
	}
	return false
}

// stem drops the commonest endings.
func stem(w string) string {
	w = singular(strings.TrimSuffix(w, "'s"))
	for _, end := range []string{"ing", "ed"} {
		if s, ok := strings.CutSuffix(w, end); ok && len(s) > 3 {
			return s
		}
	}
	return w
}

func notInWord(r rune) bool {
	return strings.ContainsRune(" ,.;:!?()\"/\n", r)
}
