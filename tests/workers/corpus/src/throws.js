// Has a mistake in its only listener: a browser asks the network each time, as if it were not there.
self.addEventListener('fetch', (event) => {
  event.respondWith(handlers.get(event.request.destination)(event.request));
});
