// Does what the worker in SvelteKit's documentation does, in other words: everything that was built and everything in
// `static` is kept at the installation; a GET of one of these is answered from there; any other goes to the network,
// is kept when it came back with 200, and is answered from what was kept when there is no network. SvelteKit puts the
// lists in where `$service-worker` is imported.
const CACHE = `cache-${VERSION}`;
const KEPT = [...BUILD, ...FILES];

self.addEventListener('install', (event) => {
  event.waitUntil((async () => (await caches.open(CACHE)).addAll(KEPT))());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name !== CACHE) await caches.delete(name);
    }
  })());
});

self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET') return;
  event.respondWith((async () => {
    const url = new URL(event.request.url);
    const cache = await caches.open(CACHE);
    if (KEPT.includes(url.pathname)) {
      const kept = await cache.match(url.pathname);
      if (kept) return kept;
    }
    try {
      const response = await fetch(event.request);
      if (!(response instanceof Response)) throw new Error('what fetch gave is no response');
      if (response.status === 200) cache.put(event.request, response.clone());
      return response;
    } catch (error) {
      const kept = await cache.match(event.request);
      if (kept) return kept;
      throw error;
    }
  })());
});
