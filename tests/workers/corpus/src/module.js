// An ES module that imports another one, which imports nothing.
import { keep } from './worker/keep.mjs';

self.addEventListener('fetch', (event) => {
  if (event.request.destination === 'document') event.respondWith(keep(event));
});
