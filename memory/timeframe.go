package memory

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// relative are the words for a time that depends on when they are said.
var relative = regexp.MustCompile(`(?i)\b(?:(today|yesterday)|(this|last|past|previous) (week|month|year)|` +
	`(?:in |over |during )?(?:the )?(?:last|past) (\d{1,3}|two|three|four|five|six) (day|week|month|year)s|` +
	`(\d{1,3}|an?|one|two|three|four|five|six) (day|week|month|year)s? ago)\b`)

var numerals = map[string]int{"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}

// timeframe finds the first words of a query that name a time which depends on now,
// such as "yesterday" or "two weeks ago", and returns the rest and that time: whole
// days, weeks (from Monday), months or years in UTC.
func timeframe(query string, now time.Time) (rest string, span Span, found bool) {
	at := relative.FindStringSubmatchIndex(query)
	if at == nil {
		return query, Span{}, false
	}
	part := func(i int) string {
		if at[2*i] < 0 {
			return ""
		}
		return strings.ToLower(query[at[2*i]:at[2*i+1]])
	}
	today := Day(now).First
	var first, end time.Time
	switch {
	case part(1) == "today":
		first, end = today, today.AddDate(0, 0, 1)
	case part(1) == "yesterday":
		first, end = today.AddDate(0, 0, -1), today
	case part(2) == "this":
		first = beginning(today, part(3))
		end = earlier(first, part(3), -1)
	case part(2) != "":
		end = beginning(today, part(3))
		first = earlier(end, part(3), 1)
	case part(4) != "":
		first, end = earlier(today, part(5), count(part(4))), today.AddDate(0, 0, 1)
	default:
		first = beginning(earlier(today, part(7), count(part(6))), part(7))
		end = earlier(first, part(7), -1)
	}
	return query[:at[0]] + " " + query[at[1]:], Span{First: first, Last: end.Add(-time.Microsecond)}, true
}

func count(s string) int {
	if n, ok := numerals[s]; ok {
		return n
	}
	n, _ := strconv.Atoi(s) // the pattern has digits only
	return n
}

// beginning is the first day of the day, week, month or year that a day is in.
func beginning(day time.Time, unit string) time.Time {
	switch unit {
	case "week":
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case "month":
		return day.AddDate(0, 0, 1-day.Day())
	case "year":
		return day.AddDate(0, 0, 1-day.YearDay())
	}
	return day
}

// earlier is n units before a day.
func earlier(day time.Time, unit string, n int) time.Time {
	switch unit {
	case "week":
		return day.AddDate(0, 0, -7*n)
	case "month":
		return day.AddDate(0, -n, 0)
	case "year":
		return day.AddDate(-n, 0, 0)
	}
	return day.AddDate(0, 0, -n)
}
