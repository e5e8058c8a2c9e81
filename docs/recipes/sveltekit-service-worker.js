// src/service-worker.js of SvelteKit: keeps `build`, whose names change with their content; not `files` (what lies in
// static/), not `prerendered`, and no answer that came later.
import { build, version } from '$service-worker';

const CACHE = `build-${version}`;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(build)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))),
  );
});

self.addEventListener('fetch', (event) => {
  if (!build.includes(new URL(event.request.url).pathname)) return;
  event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
});
