package dashboard

// A liveView is what the layout needs to watch a page.
type liveView struct {
	Stream string // URL of the server-sent events
	Poll   string // URL that is asked instead when the session has too many streams
	Cursor string // the last change that the page has
	Enter  bool   // new rows enter by themselves: the page is the first of a list
}
