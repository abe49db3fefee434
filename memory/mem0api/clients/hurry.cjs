// mem0's command line leaves the timer that limits its first ping running, so each
// command would take five seconds. Nobody waits for it here.
const limit = 5000;
const setTimeout_ = globalThis.setTimeout;
globalThis.setTimeout = (f, ms, ...args) => {
	const timer = setTimeout_(f, ms, ...args);
	return ms === limit ? timer.unref() : timer;
};
