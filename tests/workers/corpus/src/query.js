// Does what its own query string says: `pages=keep` has it keep every page.
const keeps = new URL(self.location.href).searchParams.get('pages') === 'keep';

self.addEventListener('fetch', (event) => {
  if (!keeps || event.request.mode !== 'navigate') return;
  event.respondWith((async () => {
    const response = await fetch(event.request);
    const cache = await caches.open('pages');
    await cache.put(event.request, response.clone());
    return response;
  })());
});
