//go:build browser

package dashboard

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe/axe-4.14.1.js
var axe string

// chrome is the browser of the whole test run.
var chrome struct {
	once sync.Once
	ctx  context.Context
	stop context.CancelFunc
	err  error
}

// startChrome returns the context of the running browser, and skips the test where
// none is installed.
func startChrome(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium is installed")
		}
		t.Skip("no Chromium is installed")
	}
	chrome.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"))
		alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, stop := chromedp.NewContext(alloc)
		chrome.ctx, chrome.stop = ctx, func() { stop(); stopAlloc() }
		chrome.err = chromedp.Do(ctx)
	})
	if chrome.err != nil {
		t.Fatalf("start Chromium: %v", chrome.err)
	}
	return chrome.ctx
}

// A screen is how a tab looks at pages.
type screen struct {
	width, height int64
	dark          bool
	noScript      bool
}

var (
	desktop = screen{width: 1440, height: 900}
	night   = screen{width: 1440, height: 900, dark: true}
	phone   = screen{width: 390, height: 844}
	small   = screen{width: 320, height: 640}
)

// A tab is a page of the real browser, in a profile of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string
	mu   sync.Mutex
	said []string // errors and warnings of the console, with those of the policy
}

// cut breaks every open connection.
func (s *site) cut() { s.CloseClientConnections() }

// forgive forgets what the console said so far.
func (b *tab) forgive() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = nil
}

// tab opens a page. What its console says against the page fails the test.
func (s *site) tab(t *testing.T, look screen) *tab {
	t.Helper()
	return newTab(t, startChrome(t), s.URL, look, chromedp.WithNewBrowserContext())
}

// another opens a second window of the same profile.
func (b *tab) another() *tab {
	b.t.Helper()
	return newTab(b.t, b.ctx, b.base, desktop)
}

func newTab(t *testing.T, parent context.Context, base string, look screen, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(parent, options...)
	b := &tab{t: t, ctx: ctx, base: base}
	t.Cleanup(func() {
		stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, text := range b.said {
			t.Errorf("the console says: %s", text)
		}
	})
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == "error" || m.Type == "warning" {
				b.mu.Lock()
				b.said = append(b.said, m.URL+": "+m.Text)
				b.mu.Unlock()
			}
		}
	}()
	b.look(look)
	return b
}

func (b *tab) look(look screen) {
	b.t.Helper()
	scheme := "light"
	if look.dark {
		scheme = "dark"
	}
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: look.noScript})
		return err
	})
	b.do(chromedp.EmulateViewport(look.width, look.height))
}

// patience bounds each step: a page that does not come is a failure, not a hang.
const patience = 20 * time.Second

func (b *tab) call(f func(context.Context) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if b.ctx.Err() == nil && chromedp.FromContext(b.ctx).Target == nil {
		if err := chromedp.Do(b.ctx); err != nil { // the tab lives as long as this context
			b.t.Fatal(err)
		}
	}
	if err := f(ctx); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.call(func(ctx context.Context) error { return chromedp.Do(ctx, steps...) })
}

// signIn gives the tab a session of the key.
func (b *tab) signIn(s *site, key string) *tab {
	b.t.Helper()
	token := s.session(key)
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: cookieName, Value: token, URL: b.base + "/", HTTPOnly: ptr(true)})
		return err
	})
	return b
}

func ptr[T any](v T) *T { return &v }

func (b *tab) open(path string) *tab {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
	return b
}

// click presses the first element and waits for the page it leads to.
func (b *tab) click(selector string) *tab {
	b.t.Helper()
	b.call(func(ctx context.Context) error {
		loaded := chromedp.Events(ctx, page.LoadEventFired)
		if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
			return fmt.Errorf("click %s: %w", selector, err)
		}
		for _, err := range loaded {
			return err
		}
		return nil
	})
	return b
}

// press sends keys to what has the focus.
func (b *tab) press(keys string) *tab {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
	return b
}

func (b *tab) fill(selector, value string) *tab {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS(selector), value))
	return b
}

func (b *tab) path() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(at, b.base)
}

// has checks that the page shows the texts.
func (b *tab) has(texts ...string) *tab {
	b.t.Helper()
	shown, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(strings.Join(strings.Fields(shown), " "), text) {
			b.t.Fatalf("%s does not show %q:\n%s", b.path(), text, shown)
		}
	}
	return b
}

// text returns what an element shows.
func (b *tab) text(selector string) string {
	b.t.Helper()
	got := ""
	b.call(func(ctx context.Context) (err error) {
		got, err = chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
		return err
	})
	return strings.TrimSpace(got)
}

func (b *tab) attribute(selector, name string) string {
	b.t.Helper()
	var got chromedp.AttributeResult
	b.call(func(ctx context.Context) (err error) {
		got, err = chromedp.Run(ctx, chromedp.AttributeValue(chromedp.CSS(selector), name))
		return err
	})
	return got.Value
}

// becomes waits until an expression is true.
func (b *tab) becomes(expression string) *tab {
	b.t.Helper()
	b.call(func(ctx context.Context) error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond)))
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", expression, err)
		}
		return nil
	})
	return b
}

func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// fits checks that the page cannot be scrolled sideways.
func (b *tab) fits() *tab {
	b.t.Helper()
	const wide = `(() => {
		const d = document.documentElement, over = d.scrollWidth - d.clientWidth;
		if (over <= 0) return '';
		const who = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > d.clientWidth + 1).slice(0, 4);
		return over + ' px too wide: ' + who.map(e => e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 40)).join(' | ');
	})()`
	if got := eval[string](b, wide); got != "" {
		b.t.Errorf("%s is %s", b.path(), got)
	}
	return b
}

// accessible runs axe-core over the page.
func (b *tab) accessible() *tab {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](axe+"; true")); err != nil {
		b.t.Fatal(err)
	}
	raw := eval[string](b, `axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map(n => n.html.slice(0, 200) + ' ' + n.failureSummary)}))))`)
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(raw), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		b.t.Errorf("%s: axe %s, %s:\n  %s", b.path(), v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
	return b
}

// shot saves the whole page as a picture, where MEMHOOK_SCREENS says; nowhere
// without it.
func (b *tab) shot(name string) *tab {
	b.t.Helper()
	dir := os.Getenv("MEMHOOK_SCREENS")
	if dir == "" {
		return b
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return b
}
