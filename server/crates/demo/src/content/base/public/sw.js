// Keeps hashed, immutable assets and nothing else. A page always comes from the network: a page that a
// worker kept would show yesterday's medicine, and would outlive the release that made it.
"use strict";

const CACHE = "home-assets-1";
const KEEP_AT_MOST = 60;
const HASHED = /^\/assets\/[a-z0-9-]+\.[0-9a-f]{16}\.(css|js|svg)$/;

self.addEventListener("install", (event) => {
  event.waitUntil(self.skipWaiting());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name !== CACHE) await caches.delete(name);
      }
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || request.mode === "navigate") return;
  if (url.origin !== self.location.origin || !HASHED.test(url.pathname)) return;
  event.respondWith(asset(request));
});

async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  // An asset of another release is answered without `immutable`; it is shown and forgotten.
  const control = response.headers.get("Cache-Control") || "";
  if (response.ok && control.includes("immutable")) {
    await cache.put(request, response.clone());
    const keys = await cache.keys();
    for (const old of keys.slice(0, Math.max(0, keys.length - KEEP_AT_MOST))) await cache.delete(old);
  }
  return response;
}
