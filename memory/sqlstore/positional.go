package sqlstore

import (
	"database/sql"
	"strconv"
	"strings"
)

// A positional statement has its placeholders as "?". The driver looks up the name
// of every "$1" each time it binds one, which takes a third of the time of an
// insert of 15 columns (8.1 against 5.3 µs).
type positional struct {
	*sql.Stmt
	order []int // the index of the argument for each placeholder; nil: as they are given
}

// arrange returns the arguments in the order of the placeholders.
func (p positional) arrange(args []any) []any {
	if p.order == nil {
		return args
	}
	arranged := make([]any, len(p.order))
	for i, n := range p.order {
		arranged[i] = args[n]
	}
	return arranged
}

// unnumbered returns a text with "?" for each "$n" outside of quotes, and which
// argument each stands for.
func unnumbered(text string) (string, []int) {
	var b strings.Builder
	var order []int
	inOrder := true
	quoted := false
	for i := 0; i < len(text); {
		c := text[i]
		quoted = quoted != (c == '\'')
		end := i + 1
		for c == '$' && !quoted && end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(text[i+1 : end])
		if err != nil {
			b.WriteByte(c)
			i++
			continue
		}
		b.WriteByte('?')
		inOrder = inOrder && n == len(order)+1
		order = append(order, n-1)
		i = end
	}
	if inOrder {
		order = nil
	}
	return b.String(), order
}
