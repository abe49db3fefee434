package dashboard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A run is a part of a text that stayed or changed.
type run struct {
	Text    text
	Changed bool
}

// maxDiffWords bounds the comparison of two texts, which takes time and space by the
// square of their words. Longer ones are shown as changed as a whole.
const maxDiffWords = 400

// diff compares two texts word by word.
func diff(before, after string) (old, new []run) {
	a, b := words(before), words(after)
	if len(a) > maxDiffWords || len(b) > maxDiffWords {
		return []run{{block(before), false}}, []run{{block(after), false}}
	}
	keepA, keepB := common(a, b)
	return runs(a, keepA), runs(b, keepB)
}

// words splits a text into words and what is between them.
func words(s string) []string {
	var list []string
	for s != "" {
		first, _ := utf8.DecodeRuneInString(s)
		space := unicode.IsSpace(first)
		n := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) != space })
		if n <= 0 {
			n = len(s)
		}
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}

// common marks the words of the longest common subsequence.
func common(a, b []string) (inA, inB []bool) {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			inA[i], inB[j] = true, true
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return inA, inB
}

func runs(list []string, kept []bool) []run {
	var out []run
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && kept[j] == kept[i] {
			j++
		}
		out = append(out, run{block(strings.Join(list[i:j], "")), !kept[i]})
		i = j
	}
	return out
}
