// Keeps only what can never change: files whose name holds a hash of their content. Pages, answers of
// the API and everything else go to the network as if this worker were not there.
const KEEP = 'tealkeep-assets-1';
const HASHED = /^\/assets\/(.+)\.[0-9a-f]{8}\.(css|js)$/;

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== KEEP).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || request.mode === 'navigate') return;
  if (url.origin !== location.origin || !HASHED.test(url.pathname)) return;
  event.respondWith(kept(request, url.pathname));
});

async function kept(request, path) {
  const cache = await caches.open(KEEP);
  const found = await cache.match(request);
  if (found) return found;
  const response = await fetch(request);
  const immutable = /\bimmutable\b/.test(response.headers.get('Cache-Control') || '');
  if (response.ok && response.type === 'basic' && immutable) {
    await cache.put(request, response.clone());
    await forgetOlder(cache, path);
  }
  return response;
}

// A file that came under a new hash takes the place of the one from before.
async function forgetOlder(cache, path) {
  const stem = HASHED.exec(path)[1];
  for (const old of await cache.keys()) {
    const other = new URL(old.url).pathname;
    if (other !== path && HASHED.exec(other)?.[1] === stem) await cache.delete(old);
  }
}
