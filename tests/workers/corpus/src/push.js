// The worker of a push service as such services have people place it: messages are shown, clicks open a page, and no
// request of the app is touched. Its key stands in its query string.
const key = new URL(location).searchParams.get('appId');

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('push', (event) => {
  let message = { title: 'News' };
  try {
    message = event.data ? event.data.json() : message;
  } catch {
    message = { title: event.data.text() };
  }
  event.waitUntil(self.registration.showNotification(message.title || 'News', { body: message.body, data: { url: message.url || '/', key } }));
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const url = new URL((event.notification.data && event.notification.data.url) || '/', location.origin).href;
    for (const client of await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) {
      if (client.url === url) return client.focus();
    }
    return self.clients.openWindow(url);
  })());
});

self.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(
    fetch('/api/subscription', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key, subscription: event.newSubscription ? event.newSubscription.endpoint : null }),
    }),
  );
});
