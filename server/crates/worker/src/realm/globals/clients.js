// The pages (Service Workers, sections 4.2 and 4.3). Which there are follows from the events that were
// dispatched; whether this worker controls them, from its lifecycle. What is sent to them goes nowhere.
//
// Adds internals.pages: { seen(url, controlled) and arrive(url) -> identifier, settle(identifier of the page that was
// left), handleOf(url) -> Client } for the dispatch of events.
(function (host, internals) {
  'use strict';
  const { P, publish, provide, resolveUrl, fail } = internals;
  const slots = new P.WeakMap();
  const slotGet = (object) => (internals.isObject(object) ? P.WeakMapGet(slots, object) : undefined);
  const slotSet = (object, state) => P.WeakMapSet(slots, object, state);
  const TOKEN = {};

  // The pages, the one that was looked at last in front (section 4.3.2 sorts them so).
  const pages = [];
  let made = 0;

  function slot(object) {
    const page = slotGet(object);
    if (page === undefined) throw new P.TypeError('Illegal invocation');
    return page;
  }

  class Client {
    constructor(token) {
      if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
    }
    get id() {
      return slot(this).id;
    }
    get url() {
      return slot(this).url;
    }
    get type() {
      return 'window';
    }
    get frameType() {
      slot(this);
      return 'top-level';
    }
    get lifecycleState() {
      slot(this);
      return 'active';
    }
    postMessage(message, options) {
      slot(this);
      // What can't be cloned throws a DataCloneError here as it does on the way to a page.
      internals.cloneWithTransfer(message, internals.transferOf(options));
    }
  }

  class WindowClient extends Client {
    get visibilityState() {
      slot(this);
      return 'visible';
    }
    get focused() {
      return pages[0] === slot(this);
    }
    get ancestorOrigins() {
      slot(this);
      return P.Object_freeze([]);
    }
    async focus() {
      const page = slot(this);
      forget(page);
      P.ArraySplice(pages, 0, 0, page);
      return handle(page);
    }
    // Section 4.2.9.
    async navigate(url) {
      const page = slot(this);
      const target = resolveUrl(url);
      if (target === null) throw new P.TypeError(`Failed to parse URL: ${url}`);
      if (!page.controlled) throw new P.TypeError("This service worker is not the client's active service worker.");
      if (internals.originOfUrl(target) !== internals.origin) return null;
      page.url = target;
      return handle(page);
    }
  }

  // A fresh object each time, as the specification creates one for each answer.
  function handle(page) {
    const client = new WindowClient(TOKEN);
    slotSet(client, page);
    return client;
  }

  function forget(page) {
    for (let i = 0; i < pages.length; i++) {
      if (pages[i] === page) return void P.ArraySplice(pages, i, 1);
    }
  }

  function find(url) {
    for (let i = 0; i < pages.length; i++) if (pages[i].url === url) return pages[i];
    return undefined;
  }

  // Identifiers are the same in every run: a count in the form of a UUID.
  function add(url, controlled, reserved) {
    const digits = `000000000000${++made}`;
    const page = { id: `7ea1cee9-0000-4000-8000-${P.StringSlice(digits, -12)}`, url, controlled, reserved };
    P.ArraySplice(pages, 0, 0, page);
    return page;
  }

  // The page that registered this worker is there from the beginning, and nobody controls it yet.
  add(internals.scope, false, false);

  internals.pages = {
    __proto__: null,
    // A page that asks for something; it is controlled when that reaches this worker as a fetch event.
    seen(url, controlled) {
      const page = find(url) ?? add(url, controlled, false);
      if (controlled) page.controlled = true;
      return page.id;
    },
    // A navigation leads to a page, which is there once the event is over (section 4.3.1, reserved clients).
    arrive(url) {
      const page = find(url);
      if (page !== undefined) forget(page);
      return add(url, true, true).id;
    },
    // The event is over: who was on the way has arrived, and the page that was left is gone.
    settle(left) {
      for (let i = 0; i < pages.length; i++) pages[i].reserved = false;
      for (let i = 0; i < pages.length; i++) {
        if (pages[i].id === left) return void P.ArraySplice(pages, i, 1);
      }
    },
    handleOf(url) {
      return handle(find(url) ?? add(url, internals.worker.isActive(), false));
    },
  };

  class Clients {
    constructor(token) {
      if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
    }
    async get(id) {
      for (let i = 0; i < pages.length; i++) if (pages[i].id === `${id}`) return handle(pages[i]);
      return undefined;
    }
    // Section 4.3.2.
    async matchAll(options = {}) {
      const type = options?.type === undefined ? 'window' : `${options.type}`;
      const uncontrolled = !!options?.includeUncontrolled;
      if (type !== 'window' && type !== 'worker' && type !== 'sharedworker' && type !== 'all') {
        throw new P.TypeError(`'${type}' is not a valid ClientType.`);
      }
      const found = [];
      for (let i = 0; i < pages.length; i++) {
        const page = pages[i];
        if (page.reserved || (type !== 'window' && type !== 'all') || (!page.controlled && !uncontrolled)) continue;
        found[found.length] = handle(page);
      }
      return P.Object_freeze(found);
    }
    // Section 4.3.3: only a click on a notification lets a worker open a window.
    async openWindow(url) {
      const target = resolveUrl(url);
      if (target === null) throw new P.TypeError(`Failed to parse URL: ${url}`);
      if (!internals.mayOpenWindow) throw fail('InvalidAccessError', 'Not allowed to open a window.');
      if (internals.originOfUrl(target) !== internals.origin) return null;
      return handle(add(target, true, false));
    }
    // Section 4.3.4.
    async claim() {
      if (!internals.worker.isActive()) {
        throw fail('InvalidStateError', 'Only the active worker can claim clients.');
      }
      for (let i = 0; i < pages.length; i++) pages[i].controlled = true;
    }
  }

  publish({ Client, WindowClient, Clients });
  const clients = new Clients(TOKEN);
  provide('clients', () => clients);
})
