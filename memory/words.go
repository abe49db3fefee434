package memory

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A wordReader splits texts into words. It keeps its buffer between texts.
type wordReader struct{ buf []byte }

// each calls f with the words of a text in their order: runs of letters, marks
// and digits with the case folded. Chinese and Japanese do not put spaces between
// words, so each of their characters is a word. A word is valid during the call.
func (w *wordReader) each(text string, f func(word []byte)) {
	w.buf = w.buf[:0]
	end := func() {
		if len(w.buf) > 0 {
			f(w.buf)
			w.buf = w.buf[:0]
		}
	}
	for _, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			w.buf = append(w.buf, byte(r))
		case 'A' <= r && r <= 'Z':
			w.buf = append(w.buf, byte(r)+'a'-'A')
		case r <= unicode.MaxASCII:
			end()
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			end()
			w.buf = utf8.AppendRune(w.buf, r)
			end()
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r):
			// By way of upper case ſ and s, or ς and σ, become the same.
			w.buf = utf8.AppendRune(w.buf, unicode.ToLower(unicode.ToUpper(r)))
		default:
			end()
		}
	}
	end()
}

// stem takes the plural ending off an English word, so that "boxes" and "box" are
// one word. It may leave what is no word ("headaches" and "headache" become
// "headach"): stems are only compared with each other.
func stem(word []byte) []byte {
	const short = 3 // "bus", "yes" and "tie" stay as they are
	if len(word) <= short {
		return word
	}
	switch {
	case bytes.HasSuffix(word, []byte("ies")) && len(word) > len("ties"):
		return append(word[:len(word)-len("ies")], 'y')
	case bytes.HasSuffix(word, []byte("ss")), bytes.HasSuffix(word, []byte("us")), bytes.HasSuffix(word, []byte("is")):
	case bytes.HasSuffix(word, []byte("s")):
		word = word[:len(word)-1]
	}
	bare, found := bytes.CutSuffix(word, []byte("e"))
	if found && len(word) > short && slices.ContainsFunc(hissing, func(s string) bool { return bytes.HasSuffix(bare, []byte(s)) }) {
		return bare
	}
	return word
}

// hissing are the endings whose plural is made with "es".
var hissing = []string{"ch", "sh", "ss", "x", "z", "o"}

// stopWords say little about what a text is about. Memories tend to call the one
// they are about the user.
var stopWords = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(`
		a about all also am an and any anything are as at be been being but by can could did do does doing for from
		had has have having he her hers him his how i if in into is it its just know let may me might mine my of on or
		our ours please she should so some something tell than that the their theirs them then there these they thing
		things this those to user users was we were what when where which who whom whose why will with would you your yours
		d ll m re s t ve`) {
		words[w] = true
	}
	return words
}()
