// Keeps what a page tells it to keep, in the words that Workbox's window script uses.
self.addEventListener('message', (event) => {
  if (!event.data || event.data.type !== 'CACHE_URLS') return;
  event.waitUntil(caches.open('told').then((cache) => cache.addAll(event.data.payload.urlsToCache)));
});
