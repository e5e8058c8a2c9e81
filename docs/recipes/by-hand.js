// sw.js by hand: only files of the build, and never a page.
const CACHE = 'files';
const HASHED = /^\/assets\/.+[-.][\w-]{8}\.(?:js|css|woff2)$/;

self.addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') return;
  const url = new URL(event.request.url);
  if (url.origin !== location.origin || !HASHED.test(url.pathname)) return;
  event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}
