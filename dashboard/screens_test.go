//go:build browser

package dashboard

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var updateScreens = flag.Bool("update-screens", false, "rewrite the pictures in testdata/screens")

// maxScreen is how large a picture of the README may be, in bytes.
const maxScreen = 150 << 10

// The pictures of the README are made from the demo project by
// "make screenshots"; without the flag the test only checks their size.
func TestScreens(t *testing.T) {
	dir := filepath.Join("testdata", "screens")
	if *updateScreens {
		takeScreens(t, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil || len(files) == 0 || len(files) > 6 {
		t.Fatalf("there are %d pictures (%v), want 1 to 6", len(files), err)
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxScreen {
			t.Errorf("%s has %d bytes, want at most %d", name, info.Size(), maxScreen)
		}
	}
}

func takeScreens(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	d := newDemo(t)
	for _, s := range []struct {
		name, path string
		look       screen
	}{
		{"overview", "/ui/", desktop},
		{"event", eventPath(d.failing.EventID), desktop},
		{"deliveries", "/ui/deliveries", night},
		{"endpoint", endpointPath(d.slack.ID), desktop},
		{"replay", "/ui/replays/new?what=all&since=24h&rate=10&endpoint=ep_" + d.crm.ID.String(), night},
		{"phone", eventPath(d.failing.EventID), phone},
	} {
		b := d.tab(t, s.look).signIn(d.site, d.key).open(s.path)
		b.becomes(`!document.querySelector('#lamp') || document.querySelector('#lamp').dataset.state === 'on'`)
		raw, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+".png"), shrink(t, raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// shrink writes a picture with a palette of its most frequent colours: pages have
// few, so that it takes a third of the space and looks the same.
func shrink(t *testing.T, raw []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	box := full.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	// Of colours that are nearly alike, which the edges of letters have, the most
	// frequent one stands for all.
	best, weight := map[[3]uint8]color.RGBA{}, map[[3]uint8]int{}
	for c, n := range counts {
		like := [3]uint8{c.R >> 4, c.G >> 4, c.B >> 4}
		weight[like] += n
		if was := best[like]; n > counts[was] || n == counts[was] && (c.R < was.R || c.G < was.G || c.B < was.B) {
			best[like] = c
		}
	}
	colours := make([][3]uint8, 0, len(best))
	for like := range best {
		colours = append(colours, like)
	}
	slices.SortFunc(colours, func(a, b [3]uint8) int {
		if weight[a] != weight[b] {
			return weight[b] - weight[a]
		}
		return slices.Compare(a[:], b[:])
	})
	var palette color.Palette
	for _, like := range colours[:min(256, len(colours))] {
		palette = append(palette, best[like])
	}
	nearest := map[color.RGBA]uint8{}
	small := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := at(x, y)
			i, ok := nearest[c]
			if !ok {
				i = uint8(palette.Index(c))
				nearest[c] = i
			}
			small.SetColorIndex(x, y, i)
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
