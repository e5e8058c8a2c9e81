// Asks the network, and keeps what it says once the page has it.
export async function keep(event) {
  const response = await fetch(event.request);
  const copy = response.clone();
  event.waitUntil(caches.open('pages').then((cache) => cache.put(event.request, copy)));
  return response;
}
