// What script adds to pages that work without it: relative times, copying, keys,
// and the lamp of the live stream.
(() => {
  'use strict';
  const one = (s, e = document) => e.querySelector(s);
  const all = (s, e = document) => [...e.querySelectorAll(s)];
  const page = document.documentElement;
  const skew = Date.now() - Date.parse(page.dataset.now);
  const now = () => Date.now() - skew;

  // Times. The server wrote them in UTC.
  const units = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];
  const span = (s) => {
    const i = Math.max(0, units.findIndex(([, n]) => s >= n));
    if (s < 1) return '0 s';
    const [name, size] = units[i], next = units[i + 1];
    const rest = next && Math.floor(s % size / next[1]);
    return Math.floor(s / size) + ' ' + name + (rest ? ' ' + rest + ' ' + next[0] : '');
  };
  const tick = (root = document) => {
    for (const t of all('time.ago, time.due', root)) {
      const s = Math.round((Date.parse(t.dateTime) - now()) / 1000);
      const due = t.classList.contains('due');
      const text = s > 0 ? 'in ' + span(s) : due ? 'due now' : s > -1 ? 'now' : span(-s) + ' ago';
      if (t.textContent !== text) t.textContent = text;
    }
  };
  tick();
  setInterval(tick, 1000);

  const say = (text) => { const e = one('#said'); if (e) e.textContent = text; };
  const copy = async (b) => {
    const from = b.dataset.from && document.getElementById(b.dataset.from);
    const text = from ? (from.value ?? from.textContent) : b.dataset.copy || location.href;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (from && from.select) from.select();
      return say('Copying is not allowed here.');
    }
    const was = b.dataset.was ??= b.textContent;
    b.textContent = 'Copied';
    say('Copied');
    setTimeout(() => { b.textContent = was; }, 1500);
  };
  document.addEventListener('click', (e) => {
    const b = e.target.closest('[data-copy], [data-from]');
    if (b) return copy(b);
    const d = e.target.closest('[data-dialog]');
    if (d) one('#' + d.dataset.dialog)?.showModal();
    for (const m of all('details.menu[open]')) if (!m.contains(e.target)) m.open = false;
  });
  document.addEventListener('change', (e) => {
    if (e.target.matches('[data-all]')) for (const c of all('#rows [name=id]')) c.checked = e.target.checked;
    if (e.target.matches('[data-go]')) e.target.form.requestSubmit();
    if (e.target.matches('#keys-on')) store(!e.target.checked);
    picked();
  });
  const picked = () => {
    const n = all('#rows [name=id]:checked').length, bar = one('#pick');
    if (bar) { bar.hidden = !n; bar.classList.toggle('on', n > 0); one('b', bar).textContent = n; }
  };
  picked();
  const unhide = () => { for (const e of all('.scripted')) e.hidden = false; };
  unhide();

  // Live: the stream's element is #live, its lamp #lamp.
  const live = one('#live'), lamp = one('#lamp');
  const counted = new Set();
  let fresh = 0, timer = 0, off = false, seen = now();
  const show = (state, text) => {
    if (!lamp) return;
    lamp.dataset.state = state;
    one('span', lamp).textContent = text;
  };
  const clock = () => new Date(seen).toISOString().slice(11, 19) + ' UTC';
  const stop = () => { clearInterval(timer); timer = 0; };
  const pill = () => {
    const p = one('#fresh');
    if (!p) return;
    p.hidden = !fresh;
    one('b', p).textContent = fresh;
  };
  // Rows are in the order of their IDs, newest first. One that is older than all of
  // a full page is on another page.
  const place = async ({ id, html }) => {
    const rows = one('#rows'), most = +live.dataset.rows;
    if (!rows || document.getElementById(id)) return;
    const next = [...rows.children].find((r) => r.id < id);
    if (!next && rows.children.length >= most) return;
    if (live.dataset.enter !== 'yes' || one('[name=id]:checked', rows)) {
      fresh = counted.add(id).size;
      return pill();
    }
    await htmx.swap({ sourceElement: live, target: next ?? rows, text: html, swap: next ? 'beforebegin' : 'beforeend' });
    rows.closest('.table').hidden = false;
    one('#none')?.remove();
    while (rows.children.length > most) rows.lastElementChild.remove();
    document.getElementById(id)?.classList.add('new');
    const n = rows.children.length, showing = one('#showing');
    if (showing) showing.textContent = n + (n === 1 ? ' row' : ' rows') + ', newest first';
    tick();
  };
  let placed = Promise.resolve();
  const enter = (row) => { placed = placed.then(() => place(row)); };
  const stale = () => { show('stale', 'Many changes'); const s = one('#stale'); if (s) s.hidden = false; };
  let cursor = one('#cursor')?.value;
  const poll = async () => {
    try {
      const r = await fetch(live.dataset.poll + '&at=' + cursor);
      if (!r.ok) throw r.status;
      const u = await r.json();
      cursor = u.cursor;
      seen = now();
      if (u.stale) return stale();
      (u.fresh ?? []).forEach(enter);
      if (u.swap) await htmx.swap({ sourceElement: live, target: live, text: u.swap, swap: 'none' });
      show('poll', 'Every 5 s');
      tick();
    } catch {
      show('wait', 'Live paused, last update ' + clock());
    }
  };
  if (live) {
    const on = (name, f) => live.addEventListener(name, f);
    on('htmx:sse:after:connection', () => show('on', 'Live'));
    on('htmx:sse:after:message', (e) => {
      seen = now();
      if (!e.detail.message.event && lamp?.dataset.state === 'stale') show('on', 'Live'); // the page follows again
      tick();
    });
    on('htmx:sse:error', () => { if (!timer && !off) show('wait', 'Live paused, last update ' + clock()); });
    on('bye', (e) => {
      stop();
      if (e.detail.data !== 'newer') return show('off', 'Live ended');
      show('poll', 'Every 5 s');
      timer = setInterval(poll, 5000);
    });
    on('stale', stale);
    on('fresh', (e) => enter(JSON.parse(e.detail.data)));
    document.addEventListener('htmx:after:swap', () => { unhide(); tick(); });
    one('#lamp')?.addEventListener('click', () => toggle());
  }
  const toggle = () => {
    if (!live) return;
    off = !off;
    if (!off) return location.reload();
    stop();
    live.remove();
    show('off', 'Live off');
  };

  // On a phone the navigation scrolls.
  one('.nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });

  // Keys.
  const store = (quiet) => { try { localStorage.memhookKeys = quiet ? 'off' : 'on'; } catch { /* private mode */ } };
  const quiet = () => { try { return localStorage.memhookKeys === 'off'; } catch { return false; } };
  const box = one('#keys-on');
  if (box) box.checked = !quiet();
  let g = 0, at = -1;
  const go = { o: '', e: 'events', d: 'deliveries', n: 'endpoints', m: 'memories', r: 'replays', p: 'playground', s: 'system', k: 'keys' };
  const move = (by) => {
    const rows = all('#rows a.row');
    if (!rows.length) return;
    at = rows.indexOf(document.activeElement) + by;
    rows[Math.max(0, Math.min(rows.length - 1, at))].focus();
  };
  const press = (s) => one(s)?.click();
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || quiet() || e.target.closest('input, textarea, select, dialog')) return;
    if (g && Date.now() - g < 1500) {
      g = 0;
      if (e.key in go) location.href = '/ui/' + go[e.key];
      return;
    }
    const work = {
      '/': () => one('#jump')?.focus(), j: () => move(1), k: () => move(-1), g: () => { g = Date.now(); },
      x: () => document.activeElement.closest('tr')?.querySelector('[name=id]')?.click(),
      r: () => press('[data-key=r]'), c: () => press('[data-key=c]'), t: () => press('[data-key=t]'), l: toggle,
      '?': () => one('#help')?.showModal(),
    }[e.key];
    if (work) { e.preventDefault(); work(); }
  });
})();
