// The events that something other than a page's request causes: messages (Service Workers, section 4.7), pushes
// (Push API, section 7), clicks on notifications (Notifications API, section 6.2) and syncs (Background Sync,
// Periodic Background Sync).
//
// Adds to internals.eventMakers what the dispatch of each of them passes to the listeners, and informs the worker, its
// pages and its registration which event begins and which has ended.
(function (host, internals) {
  'use strict';
  const { P, publish, ExtendableEvent, eventMakers } = internals;
  const TOKEN = {};

  class PushMessageData {
    #bytes;
    constructor(token, bytes) {
      if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
      this.#bytes = bytes;
    }
    arrayBuffer() {
      return P.TypedArrayGetBuffer(P.TypedArraySlice(this.#bytes));
    }
    bytes() {
      return P.TypedArraySlice(this.#bytes);
    }
    blob() {
      return internals.newBlob(this.#bytes, '');
    }
    text() {
      return internals.decode(this.#bytes);
    }
    json() {
      return P.JSON_parse(internals.decode(this.#bytes));
    }
  }

  function bytesOf(data) {
    return internals.isBuffer(data) ? internals.bytesOfView(data) : host.encode(`${data}`);
  }

  class PushEvent extends ExtendableEvent {
    #data;
    constructor(type, init = {}) {
      super(type, init);
      const data = init?.data;
      this.#data = data === undefined || data === null ? null : new PushMessageData(TOKEN, bytesOf(data));
    }
    get data() {
      return this.#data;
    }
  }

  class PushSubscriptionChangeEvent extends ExtendableEvent {
    #old;
    #new;
    constructor(type, init = {}) {
      super(type, init);
      this.#old = init?.oldSubscription ?? null;
      this.#new = init?.newSubscription ?? null;
    }
    get oldSubscription() {
      return this.#old;
    }
    get newSubscription() {
      return this.#new;
    }
  }

  class NotificationEvent extends ExtendableEvent {
    #notification;
    #action;
    #reply;
    constructor(type, init) {
      super(type, init);
      if (init?.notification === undefined) throw new P.TypeError('NotificationEvent: a notification is required.');
      this.#notification = init.notification;
      this.#action = `${init.action ?? ''}`;
      this.#reply = init.reply ?? null;
    }
    get notification() {
      return this.#notification;
    }
    get action() {
      return this.#action;
    }
    get reply() {
      return this.#reply;
    }
  }

  class SyncEvent extends ExtendableEvent {
    #tag;
    #lastChance;
    constructor(type, init) {
      super(type, init);
      if (init?.tag === undefined) throw new P.TypeError('SyncEvent: a tag is required.');
      this.#tag = `${init.tag}`;
      this.#lastChance = !!init.lastChance;
    }
    get tag() {
      return this.#tag;
    }
    get lastChance() {
      return this.#lastChance;
    }
  }

  class PeriodicSyncEvent extends ExtendableEvent {
    #tag;
    constructor(type, init) {
      super(type, init);
      if (init?.tag === undefined) throw new P.TypeError('PeriodicSyncEvent: a tag is required.');
      this.#tag = `${init.tag}`;
    }
    get tag() {
      return this.#tag;
    }
  }

  class ExtendableMessageEvent extends ExtendableEvent {
    #message;
    constructor(type, init = {}) {
      super(type, init);
      this.#message = internals.messageOf(init);
    }
    get data() { return this.#message.data; }
    get origin() { return this.#message.origin; }
    get lastEventId() { return this.#message.lastEventId; }
    get source() { return this.#message.source; }
    get ports() { return this.#message.ports; }
  }

  publish({
    PushMessageData,
    PushEvent,
    PushSubscriptionChangeEvent,
    NotificationEvent,
    SyncEvent,
    PeriodicSyncEvent,
    ExtendableMessageEvent,
  });

  eventMakers.message = ({ data, client }) => new ExtendableMessageEvent('message', {
    data,
    origin: internals.origin,
    source: client === null || client === undefined ? null : internals.pages.handleOf(client),
    // Pages send one along to hear what came of it (Workbox's `messageSW`), and many a worker relies on that.
    ports: [internals.portOfPage()],
  });
  eventMakers.push = ({ data }) => new PushEvent('push', { data });
  eventMakers.sync = ({ tag }) => new SyncEvent('sync', { tag, lastChance: false });
  eventMakers['periodic-sync'] = ({ tag }) => new PeriodicSyncEvent('periodicsync', { tag });
  eventMakers['notification-click'] = ({ data }) =>
    new NotificationEvent('notificationclick', { notification: internals.notificationWith(data) });
  eventMakers['push-subscription-change'] = () =>
    new PushSubscriptionChangeEvent('pushsubscriptionchange', internals.renewSubscription());

  // A fetch event names its pages by their identifiers, not by their URLs.
  const makeFetch = eventMakers.fetch;
  let left = null;
  eventMakers.fetch = (given) => {
    const { client, resulting_client: resulting } = given;
    const known = P.Object_assign({ __proto__: null }, given);
    known.page = client;
    known.client = client === null ? null : internals.pages.seen(client, true);
    known.resulting_client = resulting === null ? null : internals.pages.arrive(resulting);
    left = resulting === null ? null : known.client;
    return makeFetch(known);
  };

  // Sections 3.1.2 and 4.4: what an event means for the lifecycle. Only an active worker gets any but the first two.
  let running = null;
  const { dispatchEvent, endEvent } = internals;
  internals.dispatchEvent = (given) => {
    running = given.event;
    internals.mayOpenWindow = running === 'notification-click';
    if (running === 'install') internals.worker.enter('installing');
    else if (running === 'activate') internals.worker.enter('activating');
    else internals.worker.enter('activated');
    dispatchEvent(given);
  };
  internals.endEvent = () => {
    if (running === 'install') internals.worker.enter('installed');
    else if (running === 'activate') internals.worker.enter('activated');
    internals.pages.settle(left);
    left = null;
    internals.mayOpenWindow = false;
    return endEvent();
  };
})
