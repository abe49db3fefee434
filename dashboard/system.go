package dashboard

import (
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"memhook/delivery"
	"memhook/memory/explain"
)

// SystemFacts are what the operator may want to know of the installation.
type SystemFacts struct {
	Version  string
	Database string     // SQLite or Postgres
	Size     int64      // of the database in bytes, 0 when it is not known
	Oldest   *time.Time // the oldest event of all, nil when there is none
	Queue    string     // what carries tickets
	Trouble  string     // what slows work down though it goes on; "" for nothing
	Nodes    []NodeFacts
}

// NodeFacts are one server of the installation.
type NodeFacts struct {
	Name      string
	Role      string
	Version   string
	StartedAt time.Time
	SeenAt    time.Time
}

// silent is how long a node may be silent before it is marked.
const silent = 30 * time.Second

type systemView struct {
	Verdict verdict
	Facts   []pair
	Nodes   []nodeView
	Audit   []auditView
	Older   string
}

type nodeView struct {
	Name    text
	Role    text
	Version text
	Badge   badge
	Started moment
	Seen    moment
}

type auditView struct {
	At      moment
	Actor   text
	Action  text
	Subject text
	Page    string // of the subject, "" when it has none
	Detail  text
}

const auditRows = 50

func (d *Dashboard) systemPage(v visit) (reply, error) {
	facts, err := d.system(v.ctx())
	if err != nil {
		return reply{}, err
	}
	view, err := d.systemViewOf(v, facts)
	if err != nil {
		return reply{}, err
	}
	after, params := uuid.Nil, url.Values{"first": {"1"}}
	if s := v.QueryParam("after"); s != "" {
		c, err := delivery.ParseCursor("after", s)
		if err != nil {
			return reply{}, badFilter(err)
		}
		after, params = c.ID, nil
	}
	r := show("system", "System", nil)
	err = d.auditOf(v, &view, after)
	r.view, r.live = view, watch(v, "system", params)
	return r, err
}

func (d *Dashboard) systemViewOf(v visit, facts SystemFacts) (systemView, error) {
	var oldest *time.Time
	switch at, waits, err := d.delivery.OldestWaiting(v.ctx(), v.project()); {
	case err != nil:
		return systemView{}, err
	case waits:
		oldest = &at
	}
	view := systemView{Verdict: systemVerdict(facts, oldest, v.now), Facts: systemPairs(facts, oldest, v.now)}
	for _, n := range facts.Nodes {
		one := nodeView{line(n.Name), line(n.Role), line(n.Version), badge{"✓", "Alive", ok}, momentOf(n.StartedAt, v.now), momentOf(n.SeenAt, v.now)}
		if v.now.Sub(n.SeenAt) > silent {
			one.Badge = badge{"✕", "Silent", bad}
		}
		view.Nodes = append(view.Nodes, one)
	}
	return view, nil
}

// auditOf adds the audit entries after a place, the newest for none.
func (d *Dashboard) auditOf(v visit, view *systemView, after uuid.UUID) error {
	entries, err := d.delivery.Audit(v.ctx(), v.project(), "", after, auditRows+1)
	if err != nil {
		return err
	}
	if len(entries) > auditRows {
		entries = entries[:auditRows]
		view.Older = root + "system?after=" + delivery.Cursor{ID: entries[auditRows-1].ID}.String()
	}
	for _, a := range entries {
		one := auditView{
			At: momentOf(a.At, v.now), Actor: line(a.Actor), Action: line(a.Action), Subject: line(a.Subject), Detail: line(a.Detail),
			Page: subjectPage(a.Subject),
		}
		if a.ActorHint != "" {
			one.Actor = line("key ••••" + a.ActorHint)
		}
		view.Audit = append(view.Audit, one)
	}
	return nil
}

// subjectPage is the page of what an audit entry is about.
func subjectPage(subject string) string {
	for prefix, page := range map[string]func(uuid.UUID) string{delivery.EndpointPrefix: endpointPath, delivery.DeliveryPrefix: deliveryPath} {
		if id, err := delivery.ParseID(prefix, subject); err == nil && len(subject) > len(id.String()) && subject[:len(prefix)] == prefix {
			return page(id)
		}
	}
	return ""
}

func systemVerdict(f SystemFacts, oldest *time.Time, now time.Time) verdict {
	switch late := lateness(oldest, now); {
	case f.Trouble != "":
		return verdict{Tone: warn, Sentence: "Work goes on, but slower than it could.", Next: line(f.Trouble + ".")}
	case late > 10*time.Minute:
		return verdict{
			Tone: info, Sentence: line("The first delivery that waits was made " + explain.Span(late) + " ago."),
			Next: "An endpoint that fails is tried again for days, so that this is no fault of the system by itself.", Link: root + "deliveries?status=waiting", Action: "See what waits",
		}
	}
	return verdict{Tone: ok, Sentence: "Everything works."}
}

func lateness(at *time.Time, now time.Time) time.Duration {
	if at == nil {
		return 0
	}
	return now.Sub(*at)
}

func systemPairs(f SystemFacts, oldest *time.Time, now time.Time) []pair {
	list := []pair{{"Version", line(f.Version)}, {"Database", line(f.Database)}}
	if f.Size > 0 {
		list = append(list, pair{"Its size", text(mebibytes(f.Size))})
	}
	if f.Oldest != nil {
		list = append(list, pair{"Oldest event", text(explain.Span(now.Sub(*f.Oldest)) + " old")})
	}
	list = append(list, pair{"Queue", line(f.Queue)})
	waits := text("nothing waits")
	if oldest != nil {
		waits = text("made " + explain.Span(now.Sub(*oldest)) + " ago")
	}
	return append(list, pair{"Oldest waiting", waits})
}

func mebibytes(n int64) string {
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
}
