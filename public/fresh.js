// Keeps a page true: on each event it asks for the page again and changes in place what differs.
(() => {
  const { dataset } = document.documentElement, $ = (q, d = document) => d.querySelector(q);
  if ('worker' in dataset) navigator.serviceWorker?.register('/sw.js').catch(() => {});

  // The table of wording.rs: below how many seconds, in which unit.
  const table = [[90, 0, 'a minute'], [3300, 60, ' minutes'], [5400, 0, 'an hour'], [129600, 3600, ' hours'],
    [1209600, 86400, ' days'], [5184000, 604800, ' weeks'], [60480000, 2592000, ' months'], [1 / 0, 31536000, ' years']];
  // The server's clock counts; the phone's may be wrong by so many milliseconds.
  let ahead = 0;
  const tick = () => document.querySelectorAll('[data-rel]').forEach((el) => {
    const s = Math.floor((Date.now() + ahead) / 1000) - Math.floor(Date.parse(el.dateTime) / 1000);
    const far = Math.abs(s), still = el.dataset.rel == 'for';
    const [, unit, name] = table.find((row) => far < row[0]);
    const words = unit ? Math.floor(far / unit + .5) + name : name;
    const said = still ? (s < 45 ? 'a moment' : words)
      : far < 45 ? (s < 0 ? 'any moment now' : 'just now') : s < 0 ? 'in ' + words : words + ' ago';
    if (el.textContent != said) el.textContent = said;
  });
  setInterval(tick, 10000);
  if (!('live' in dataset) || !window.EventSource) return;

  // Makes `old` like `now` and keeps nodes: focus, scroll, what was typed or unfolded stay.
  const morph = (old, now) => {
    if (old.nodeType != 1) return old.data != now.data && (old.data = now.data);
    const own = (name) => name == 'open' || (name == 'value' && old.type != 'hidden');
    for (const { name, value } of now.attributes) if (!own(name) && old.getAttribute(name) != value) old.setAttribute(name, value);
    for (const { name } of [...old.attributes]) if (!own(name) && !now.hasAttribute(name)) old.removeAttribute(name);
    const ids = new Set([...now.children].map((el) => el.id)), keyed = {};
    for (const el of [...old.children]) if (el.id) ids.has(el.id) ? (keyed[el.id] = el) : el.remove();
    let at = old.firstChild;
    for (const next of [...now.childNodes]) {
      const like = next.id ? keyed[next.id] : at && !at.id && at;
      if (like?.nodeName != next.nodeName) { old.insertBefore(next, at); continue; }
      if (like == at) at = at.nextSibling;
      else old.insertBefore(like, at);
      morph(like, next);
    }
    for (let gone; (gone = at); gone.remove()) at = at.nextSibling;
  };

  let asking, again, source, lost, timer, last = 0;
  const banner = $('#offline');
  const isLost = () => {
    lost ||= setTimeout(() => {
      banner.textContent = 'Tealkeep does not answer. This page shows how things were at ' + $('.as-of time').textContent + '.';
      banner.hidden = false;
    }, 4000);
  };
  const isBack = () => {
    lost = clearTimeout(lost);
    banner.hidden = true;
  };
  const ask = async () => {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout?.(15000) });
    if (answer.status == 401 || (answer.redirected && answer.url.includes('/sign-in'))) return location.reload();
    if (!answer.ok) return isLost();
    const now = new DOMParser().parseFromString(await answer.text(), 'text/html');
    ahead = (Date.parse(answer.headers.get('Date')) || Date.now()) - Date.now();
    morph($('main'), $('main', now));
    document.title = now.title;
    tick();
    isBack();
  };
  // One question at a time, at most one a second, none while nobody looks.
  const fresh = () => {
    again = 1;
    if (asking || timer || document.hidden) return;
    timer = setTimeout(async () => {
      timer = again = 0;
      asking = 1;
      last = Date.now();
      await ask().catch(isLost);
      asking = 0;
      if (again) fresh();
    }, Math.max(0, last + 1000 - Date.now()));
  };
  // A hidden tab holds no connection; a stream that was refused is tried again.
  const close = () => (source = source?.close());
  const open = () => {
    if (document.hidden) return;
    if (source && source.readyState < 2) return fresh();
    source = new EventSource('/api/v1/events');
    source.onopen = () => { isBack(); fresh(); };
    source.onmessage = fresh;
    source.onerror = (e) => { isLost(); if (e.target.readyState > 1) fresh(); };
  };
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  for (const on of ['online', 'pageshow']) addEventListener(on, open);
  addEventListener('offline', isLost);
  addEventListener('pagehide', close);
  setInterval(() => source?.readyState > 1 && open(), 5000);
  // Counters rise without an event.
  setInterval(() => fresh(), 10000);
})();
