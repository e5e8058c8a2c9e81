// Workbox through its loader, which imports each module at the moment at which it is first named.
importScripts('/workbox/workbox-sw.js');
workbox.setConfig({ modulePathPrefix: '/workbox/', debug: false });

const { registerRoute } = workbox.routing;
const { CacheFirst } = workbox.strategies;
const { ExpirationPlugin } = workbox.expiration;
const { CacheableResponsePlugin } = workbox.cacheableResponse;

workbox.core.skipWaiting();
workbox.core.clientsClaim();

registerRoute(
  ({ url, sameOrigin }) => sameOrigin && /^\/assets\/.+\.[0-9a-f]{8}\.(css|js|svg)$/.test(url.pathname),
  new CacheFirst({
    cacheName: 'hashed',
    plugins: [new CacheableResponsePlugin({ statuses: [200] }), new ExpirationPlugin({ maxEntries: 60 })],
  }),
);
