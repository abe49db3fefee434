package engine

import (
	"strings"
	"unicode"
)

const tongueCount = 7

// A tongue is what the rules know of another language: not enough to take a
// sentence apart, only whether the speaker talks about himself.
type tongue struct {
	own    string // words for I, my, and verb forms that mean I
	common string // words that show which language it is
	asks   string // words that begin a question or a request
	small  string // greetings and thanks
	live   string // phrases before the place where somebody lives
	name   string // phrases before a name
}

var tongues = [tongueCount]tongue{
	{ // German
		own: "ich wir mein meine meinen meinem meiner unser unsere",
		common: `bin habe wohne arbeite komme heiße mag liebe und in der die das ein eine einen nicht mit bei als aus nach ist
		heißt trinke esse gern gerne bestellt gezogen zwei am im sind haben jahre alt`,
		asks:  "was wie wo wer wann warum wieso welche welcher kannst können könnten hast bist gibt schreib erkläre zeig bitte",
		small: "hallo guten morgen tag abend danke bitte tschüss ja nein servus moin gut",
		live:  "ich wohne in|ich lebe in|wir wohnen in|wir leben in",
		name:  "ich heiße|mein name ist",
	},
	{ // Spanish
		own: "yo mi mis tengo soy estoy vivo trabajo prefiero odio necesito compré nací mudé nuestro nuestra somos vivimos tenemos",
		common: `me llamo gusta gustan encanta en de el la los las un una y con que es como por para soy dos años no hijo hija
		perro gato`,
		asks:  "qué que cómo como cuál cual cuándo dónde donde quién por puedes podrías escribe explica dime",
		small: "hola gracias buenos buenas días tardes noches adiós sí vale",
		live:  "vivo en|yo vivo en|me mudé a",
		name:  "me llamo|mi nombre es|yo me llamo",
	},
	{ // French
		own: "je j'ai j'habite j'aime j'adore j'étais j'avais mon ma mes notre nos moi j'étudie j'achète j'ai",
		common: `suis ai habite travaille m'appelle à de le la les un une et avec est en dans deux ans pas ne chez comme depuis
		au aux`,
		asks:  "que quoi quel quelle quels comment où quand pourquoi qui peux pouvez pourriez est-ce écris explique",
		small: "bonjour salut merci bonsoir oui non revoir bonne",
		live:  "j'habite à|je vis à|j'habite en",
		name:  "je m'appelle|mon nom est",
	},
	{ // Portuguese
		own: "eu meu minha meus minhas moro tenho sou trabalho gosto prefiro comprei nasci mudei nosso nossa somos temos estou",
		common: `em de o a os as um uma e com que é como por para dois duas anos não chamo chamado na no do da filho filha
		cachorro gato`,
		asks:  "que qual quais como onde quando quem porque pode poderia escreva explique",
		small: "olá oi obrigado obrigada bom boa dia tarde noite tchau sim",
		live:  "eu moro em|moro em|mudei para|eu vivo em",
		name:  "meu nome é|me chamo|eu me chamo",
	},
	{ // Italian
		own:    "io mio mia miei mie sono ho vivo abito lavoro nostra nostro",
		common: "mi chiamo piace a di il la lo un una e con che è in da anni due non come per cane gatto",
		asks:   "che cosa come dove quando chi perché qual quale puoi potresti scrivi spiega",
		small:  "ciao grazie buongiorno buonasera sì",
		live:   "vivo a|abito a",
		name:   "mi chiamo|il mio nome è",
	},
	{ // Dutch
		own:    "ik mijn wij onze ons",
		common: "ben heb woon werk een het de en in met bij als uit niet hou van twee jaar heet is naar",
		asks:   "wat hoe waar wie wanneer waarom welke kun kan schrijf leg",
		small:  "hallo hoi dank bedankt goedemorgen doei ja nee",
		live:   "ik woon in|wij wonen in",
		name:   "ik heet|mijn naam is",
	},
}

// ownMarks show that somebody talks about himself in a language without
// spaces, or with another script.
var ownMarks = []string{
	"私", "僕", "俺", "我", // Japanese, Chinese
	"저는", "나는", "제가", "내가", // Korean
	"أنا", "मैं", "मेरा", "मेरी", // Arabic, Hindi
}

// A foreignClass says what a word is in one of the tongues.
type foreignClass uint8

const (
	ownWord foreignClass = 1 << iota
	commonWord
	askWord
	smallWord
)

// foreignWords has a class for each tongue that has the word.
var foreignWords = newForeignWords()

func newForeignWords() map[string][tongueCount]foreignClass {
	words := make(map[string][tongueCount]foreignClass, 1024)
	for i, t := range tongues {
		for list, m := range map[string]foreignClass{t.own: ownWord, t.common: commonWord, t.asks: askWord, t.small: smallWord} {
			for _, w := range strings.Fields(list) {
				e := words[w]
				e[i] |= m
				words[w] = e
			}
		}
	}
	return words
}

// speaksOther tells whether the sentence is not English.
func speaksOther(s string, ws []word) bool {
	if letters, latin := scripts(s); letters > latin*2 {
		return true
	}
	for _, w := range ws {
		if w.is(subjectI|possessI) || w.oneOf("the", "is", "you", "'s", "it", "and", "of", "are", "have", "do") {
			return false
		}
	}
	lang, hits := tongueOf(ws)
	if lang < 0 || hits*3 < len(ws) {
		return false
	}
	for _, w := range ws {
		if foreignWords[w.low][lang] != 0 && w.kind == 0 {
			return true // no English word
		}
	}
	return false
}

// scripts counts letters, and those of the Latin alphabet.
func scripts(s string) (letters, latin int) {
	for _, r := range s {
		switch {
		case r < unicode.MaxASCII:
			if r|0x20 >= 'a' && r|0x20 <= 'z' {
				letters++
				latin++
			}
		case unicode.Is(unicode.Latin, r):
			letters++
			latin++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return letters, latin
}

// tongueOf returns the language that has the most of the words, -1 for none,
// and how many of them it has.
func tongueOf(ws []word) (lang, hits int) {
	var count [tongueCount]int
	for _, w := range ws {
		marks, ok := foreignWords[w.low]
		if !ok {
			continue
		}
		for i, m := range marks {
			if m != 0 {
				count[i]++
			}
			if m&ownWord != 0 {
				count[i]++
			}
		}
	}
	lang = -1
	for i, n := range count {
		if n > hits {
			lang, hits = i, n
		}
	}
	return lang, hits
}

// foreign keeps a sentence in another language as it is when it is no question
// and the speaker talks about himself.
func (x *extractor) foreign(s string, ws []word) {
	lang, _ := tongueOf(ws)
	if asksAtEnd(ws) || strings.HasPrefix(s, "¿") || strings.HasSuffix(s, "か。") {
		return
	}
	for len(ws) > 0 && (ws[0].is(punct) || lang >= 0 && foreignWords[ws[0].low][lang]&smallWord != 0) {
		ws = ws[1:]
	}
	if len(ws) == 0 || lang >= 0 && foreignWords[ws[0].low][lang]&askWord != 0 {
		return
	}
	own := false
	for _, w := range ws {
		own = own || lang >= 0 && foreignWords[w.low][lang]&ownWord != 0
	}
	own = own && len(ws) > 2 || lang >= 0 && named(tongues[lang].name, ws) && len(ws) > 2
	for _, m := range ownMarks {
		own = own || strings.Contains(s, m) && len(s) > 4*len(m)
	}
	if !own {
		return
	}
	var t text
	t.raw(trimForeign(ws))
	x.add(&t, foreignSlot(lang, ws), assert)
}

func trimForeign(ws []word) []word {
	for len(ws) > 0 && (ws[len(ws)-1].is(punct) || ws[len(ws)-1].low == "。") {
		ws = ws[:len(ws)-1]
	}
	return ws
}

// foreignSlot knows where somebody lives and the name, when nothing else is
// said in the sentence.
func foreignSlot(lang int, ws []word) slot {
	if lang < 0 || len(ws) > 6 {
		return slot{}
	}
	for _, w := range ws {
		if w.oneOf("und", "y", "et", "e", "en", ",") && w.low != "en" {
			return slot{}
		}
	}
	switch t := tongues[lang]; {
	case named(t.live, ws):
		return one("lives_in")
	case named(t.name, ws):
		return one("name")
	}
	return slot{}
}

// named tells whether the words begin with one of the phrases.
func named(phrases string, ws []word) bool {
	for _, p := range strings.Split(phrases, "|") {
		parts := strings.Fields(p)
		if len(parts) >= len(ws) {
			continue
		}
		match := true
		for i, part := range parts {
			match = match && ws[i].low == part
		}
		if match {
			return true
		}
	}
	return false
}
