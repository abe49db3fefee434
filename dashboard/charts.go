package dashboard

import (
	"fmt"
	"math"
	"net/url"
	"time"

	"memhook/delivery"
)

// The volume chart: half-hours of a day.
const (
	chartSpan  = 24 * time.Hour
	chartStep  = 30 * time.Minute
	sparkStep  = time.Hour
	chartUnits = 1000.0 // width and height of the drawing
	barShare   = 0.72   // of a step's width
)

// A chart is bars drawn by the server. Its axis text is HTML beside it, so that it
// keeps its size on every screen.
type chart struct {
	Bars []bar
	Top  string // of the axis
	Mid  string
	X    []string // times along the axis
	None bool
}

// A bar is a step: parts on top of each other, leading to what is in it.
type bar struct {
	From  string // x
	Width string
	Left  string // x of the whole step, which can be pressed
	Step  string
	Parts []part
	Title string
	Link  string
	When  moment
	Row   []string // the numbers, for the table
}

// A part of a bar has a height and a class that colours it.
type part struct {
	Class  string
	Y      string
	Height string
}

// volumeChart draws what happened: succeeded, failed attempts and deliveries given up.
func volumeChart(points []delivery.Point, now time.Time) chart {
	most := 0
	for _, p := range points {
		most = max(most, p.Succeeded+p.FailedAttempts)
	}
	c := chart{None: most == 0}
	top := roundUp(most)
	c.Top, c.Mid = thousands(top), thousands(top/2)
	if top%2 != 0 {
		c.Mid = fixed(float64(top) / 2)
	}
	width := chartUnits / float64(max(1, len(points)))
	for i, p := range points {
		left := float64(i) * width
		retried := max(0, p.FailedAttempts-p.Failed)
		b := bar{
			Left: fixed(left), Step: fixed(width), From: fixed(left + width*(1-barShare)/2), Width: fixed(width * barShare),
			When: momentOf(p.At, now), Row: []string{thousands(p.Succeeded), thousands(retried), thousands(p.Failed)},
			Link: root + "deliveries?" + url.Values{"since": {p.At.UTC().Format(time.RFC3339)}, "until": {p.At.Add(chartStep).UTC().Format(time.RFC3339)}}.Encode(),
		}
		b.Title = fmt.Sprintf("%s UTC: %s succeeded, %s failed, %s given up", p.At.UTC().Format("2 Jan 15:04"), thousands(p.Succeeded),
			countWord(retried, "attempt"), thousands(p.Failed))
		y := chartUnits
		for _, one := range []struct {
			class string
			n     int
		}{{"b-ok", p.Succeeded}, {"b-warn", retried}, {"b-bad", min(p.Failed, p.FailedAttempts)}} {
			if one.n <= 0 {
				continue
			}
			height := chartUnits * float64(one.n) / float64(top)
			y -= height
			b.Parts = append(b.Parts, part{one.class, fixed(y), fixed(height)})
		}
		c.Bars = append(c.Bars, b)
	}
	for i := 0; i < len(points); i += max(1, len(points)/4) {
		c.X = append(c.X, points[i].At.UTC().Format("15:04"))
	}
	c.X = append(c.X, "now")
	return c
}

// spark draws the attempts of an endpoint, small and without an axis.
func spark(points []delivery.Point) []bar {
	most := 1
	for _, p := range points {
		most = max(most, p.Attempts)
	}
	width := chartUnits / float64(max(1, len(points)))
	var list []bar
	for i, p := range points {
		b := bar{From: fixed(float64(i)*width + width*0.1), Width: fixed(width * 0.8)}
		y := chartUnits
		for _, one := range []struct {
			class string
			n     int
		}{{"b-ok", p.Attempts - p.FailedAttempts}, {"b-bad", p.FailedAttempts}} {
			if one.n <= 0 {
				continue
			}
			height := max(60, chartUnits*float64(one.n)/float64(most))
			height = min(height, y)
			y -= height
			b.Parts = append(b.Parts, part{one.class, fixed(y), fixed(height)})
		}
		list = append(list, b)
	}
	return list
}

// roundUp is the next number above n that is easy to read on an axis.
func roundUp(n int) int {
	if n <= 4 {
		return 4
	}
	scale := math.Pow(10, math.Floor(math.Log10(float64(n))))
	for _, m := range []float64{1, 2, 4, 5, 10} {
		if top := int(m * scale); top >= n {
			return top
		}
	}
	return n
}

// countWord is count with grouped digits.
func countWord(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}
