// Keeps the page fresh while it is looked at. Everything works without it.
"use strict";

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});

const main = document.querySelector("main[data-live]");
if (main && "EventSource" in window) {
  const PAUSE_MS = 2000;
  let waiting = false;

  const refresh = async () => {
    waiting = false;
    // Somebody who is filling in a form must not lose what they typed.
    if (document.hidden || main.contains(document.activeElement)) return;
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.querySelector("main[data-live]");
      if (!fresh || main.contains(document.activeElement)) return;
      main.replaceChildren(...fresh.childNodes);
    } catch {
      // The network is away; the next change asks again.
    }
  };

  const later = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(refresh, PAUSE_MS);
  };

  let release = document.documentElement.dataset.release;
  const events = new EventSource("/events");
  events.addEventListener("hello", (event) => {
    // Another release answers now: its styles and scripts come with a whole page.
    const said = JSON.parse(event.data).release;
    if (said !== release && !main.contains(document.activeElement)) location.reload();
  });
  events.addEventListener("change", later);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) later();
  });
}
