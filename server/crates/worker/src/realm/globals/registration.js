// The registration and its worker (Service Workers, sections 3.1, 3.2 and 4.1), navigation preload, and what hangs
// on a registration: push subscriptions (Push API, section 5), notifications, syncs.
//
// Adds internals.worker: { isActive(), enter(state) } for the lifecycle, internals.notificationWith(data) and
// internals.renewSubscription() for the events, and internals.takeTags() -> { sync, periodic } for what is played.
(function (host, internals) {
  'use strict';
  const { P, publish, provide, handlers, fire, task, fail, structuredClone, EventTarget, Event } = internals;
  const TOKEN = {};

  function only(token) {
    if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
  }

  // ---- The worker

  let state = 'parsed';

  class ServiceWorker extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get scriptURL() {
      return internals.script;
    }
    get state() {
      return state;
    }
    postMessage(message, options) {
      internals.cloneWithTransfer(message, internals.transferOf(options));
    }
  }
  handlers(ServiceWorker.prototype, ['statechange', 'error']);
  const worker = new ServiceWorker(TOKEN);

  const isActive = () => state === 'activating' || state === 'activated';

  internals.worker = {
    __proto__: null,
    isActive,
    // Section 3.1.2: the realm sets the worker's state.
    enter(next) {
      if (state === next) return;
      state = next;
      task(() => fire(worker, new Event('statechange')));
      if (next === 'installing') task(() => fire(registration, new Event('updatefound')));
    },
  };

  function needActive(what) {
    if (!isActive()) throw fail('InvalidStateError', `${what} needs an active service worker.`);
  }

  // ---- Navigation preload (section 3.5)

  const preload = internals.navigationPreload;

  class NavigationPreloadManager {
    constructor(token) {
      only(token);
    }
    async enable() {
      needActive('Navigation preload');
      preload.enabled = true;
    }
    async disable() {
      needActive('Navigation preload');
      preload.enabled = false;
    }
    async setHeaderValue(value) {
      needActive('Navigation preload');
      preload.header = `${value}`;
    }
    async getState() {
      return { enabled: preload.enabled, headerValue: preload.header };
    }
  }

  // ---- Push

  let subscription = null;
  let subscribed = 0;

  // A row of bytes that is the same in every run.
  function bytes(length, first, seed) {
    const row = new P.Uint8Array(length);
    for (let i = 0; i < length; i++) row[i] = (i * 73 + seed * 29 + 17) & 255;
    if (first !== null) row[0] = first;
    return row;
  }

  function base64url(row) {
    let text = P.StringReplaceAll(host.toBase64(row), '+', '-');
    text = P.StringReplaceAll(text, '/', '_');
    return P.StringReplaceAll(text, '=', '');
  }

  class PushSubscriptionOptions {
    #key;
    constructor(token, key) {
      only(token);
      this.#key = key;
    }
    get userVisibleOnly() {
      return true;
    }
    get applicationServerKey() {
      return this.#key;
    }
  }

  class PushSubscription {
    #number;
    #options;
    constructor(token, number, key) {
      only(token);
      this.#number = number;
      this.#options = new PushSubscriptionOptions(TOKEN, key);
    }
    get endpoint() {
      return `https://push.invalid/send/${this.#number}`;
    }
    get expirationTime() {
      return null;
    }
    get options() {
      return this.#options;
    }
    getKey(name) {
      // A P-256 point in its uncompressed form is 65 bytes that begin with 4; the shared secret is 16.
      if (name === 'p256dh') return P.TypedArrayGetBuffer(bytes(65, 4, this.#number));
      if (name === 'auth') return P.TypedArrayGetBuffer(bytes(16, null, this.#number));
      return null;
    }
    async unsubscribe() {
      const held = subscription === this;
      if (held) subscription = null;
      return held;
    }
    toJSON() {
      return {
        endpoint: this.endpoint,
        expirationTime: null,
        keys: {
          p256dh: base64url(bytes(65, 4, this.#number)),
          auth: base64url(bytes(16, null, this.#number)),
        },
      };
    }
  }

  function serverKey(value) {
    if (value === undefined || value === null) return null;
    let row;
    if (typeof value === 'string') {
      row = host.fromBase64(P.StringReplaceAll(P.StringReplaceAll(value, '-', '+'), '_', '/')) ?? null;
      if (row === null) throw fail('InvalidCharacterError', 'The applicationServerKey is not base64url.');
    } else if (internals.isBuffer(value)) {
      row = internals.bytesOfView(value);
    } else {
      throw new P.TypeError('The applicationServerKey is neither a string nor a buffer.');
    }
    if (row.length !== 65 || row[0] !== 4) {
      throw fail('InvalidAccessError', 'The provided applicationServerKey is not valid.');
    }
    return P.TypedArrayGetBuffer(row);
  }

  class PushManager {
    constructor(token) {
      only(token);
    }
    static get supportedContentEncodings() {
      return P.Object_freeze(['aes128gcm', 'aesgcm']);
    }
    async getSubscription() {
      return subscription;
    }
    async permissionState() {
      return 'granted';
    }
    // Push API, section 5.2.
    async subscribe(options = {}) {
      const key = serverKey(options?.applicationServerKey);
      if (!options?.userVisibleOnly) {
        throw fail('NotAllowedError', 'Registration failed - userVisibleOnly must be true.');
      }
      if (!isActive()) throw fail('AbortError', 'Subscription failed - no active Service Worker');
      subscription ??= new PushSubscription(TOKEN, ++subscribed, key);
      return subscription;
    }
  }

  // The push service replaced the subscription, if there was one.
  internals.renewSubscription = () => {
    const oldSubscription = subscription;
    subscription = null;
    return { oldSubscription, newSubscription: null };
  };

  // ---- Notifications (Notifications API, section 3)

  const shown = [];

  class Notification extends EventTarget {
    #title;
    #options;
    #timestamp;
    constructor(token, title, options) {
      // Section 2.2, the constructor: a service worker shows notifications through its registration.
      if (token !== TOKEN) throw new P.TypeError('Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.');
      super();
      this.#title = title;
      this.#options = options;
      this.#timestamp = options.timestamp ?? host.startMs + P.MathFloor(host.elapsed());
    }
    static get permission() {
      return 'granted';
    }
    static get maxActions() {
      return 2;
    }
    get title() {
      return this.#title;
    }
    get body() {
      return `${this.#options.body ?? ''}`;
    }
    get tag() {
      return `${this.#options.tag ?? ''}`;
    }
    get icon() {
      return `${this.#options.icon ?? ''}`;
    }
    get badge() {
      return `${this.#options.badge ?? ''}`;
    }
    get image() {
      return `${this.#options.image ?? ''}`;
    }
    get lang() {
      return `${this.#options.lang ?? ''}`;
    }
    get dir() {
      return this.#options.dir ?? 'auto';
    }
    get data() {
      return this.#options.data ?? null;
    }
    get actions() {
      return P.Object_freeze(P.Array_from(this.#options.actions ?? []));
    }
    get requireInteraction() {
      return !!this.#options.requireInteraction;
    }
    get renotify() {
      return !!this.#options.renotify;
    }
    get silent() {
      return this.#options.silent ?? null;
    }
    get vibrate() {
      return P.Object_freeze(P.ArrayConcat([], this.#options.vibrate ?? []));
    }
    get timestamp() {
      return this.#timestamp;
    }
    close() {
      for (let i = 0; i < shown.length; i++) if (shown[i] === this) return void P.ArraySplice(shown, i, 1);
    }
  }
  handlers(Notification.prototype, ['click', 'show', 'error', 'close']);

  // The notification that is clicked: the one shown with that data, or else one that holds it.
  internals.notificationWith = (data) => {
    if ((data === null || data === undefined) && shown.length > 0) return shown[shown.length - 1];
    return new Notification(TOKEN, '', { data });
  };

  // ---- Sync and periodic sync

  // The syncs that the worker registered. A sync is over once it was dispatched; a periodic one stays.
  const tags = { sync: new P.Set(), periodic: new P.Set() };
  internals.takeTags = () => {
    const taken = { __proto__: null, sync: [], periodic: [] };
    P.SetForEach(tags.sync, (tag) => { internals.append(taken.sync, tag); });
    P.SetForEach(tags.periodic, (tag) => { internals.append(taken.periodic, tag); });
    P.SetClear(tags.sync);
    return taken;
  };

  class SyncManager {
    constructor(token) {
      only(token);
    }
    async register(tag) {
      needActive('Background sync');
      P.SetAdd(tags.sync, `${tag}`);
    }
    async getTags() {
      return P.Array_from(tags.sync);
    }
  }

  class PeriodicSyncManager {
    constructor(token) {
      only(token);
    }
    async register(tag) {
      needActive('Periodic background sync');
      P.SetAdd(tags.periodic, `${tag}`);
    }
    async unregister(tag) {
      P.SetDelete(tags.periodic, `${tag}`);
    }
    async getTags() {
      return P.Array_from(tags.periodic);
    }
  }

  // ---- The registration

  const parts = {
    navigationPreload: new NavigationPreloadManager(TOKEN),
    pushManager: new PushManager(TOKEN),
    sync: new SyncManager(TOKEN),
    periodicSync: new PeriodicSyncManager(TOKEN),
  };

  class ServiceWorkerRegistration extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get scope() {
      return internals.scope;
    }
    get installing() {
      return state === 'installing' ? worker : null;
    }
    get waiting() {
      return state === 'installed' ? worker : null;
    }
    get active() {
      return isActive() ? worker : null;
    }
    get updateViaCache() {
      return 'imports';
    }
    get navigationPreload() {
      return parts.navigationPreload;
    }
    get pushManager() {
      return parts.pushManager;
    }
    get sync() {
      return parts.sync;
    }
    get periodicSync() {
      return parts.periodicSync;
    }
    // Section 3.2.7: a worker that is being installed can't ask for its own update.
    async update() {
      if (state === 'parsed' || state === 'installing') {
        throw fail('InvalidStateError', 'The service worker is installing.');
      }
      return this;
    }
    async unregister() {
      return true;
    }
    async showNotification(title, options = {}) {
      if (!isActive()) throw new P.TypeError('No active registration available on the ServiceWorkerRegistration.');
      const { data } = options ?? {};
      const kept = P.Object_assign({}, options);
      kept.data = data === undefined ? null : structuredClone(data);
      const notification = new Notification(TOKEN, `${title}`, kept);
      // Section 2.4: a notification takes the place of the one with its tag.
      const { tag } = notification;
      for (let i = 0; tag !== '' && i < shown.length; i++) {
        if (shown[i].tag === tag) return void (shown[i] = notification);
      }
      shown[shown.length] = notification;
    }
    async getNotifications(filter = {}) {
      const tag = `${filter?.tag ?? ''}`;
      const found = [];
      for (let i = 0; i < shown.length; i++) {
        if (tag === '' || shown[i].tag === tag) found[found.length] = shown[i];
      }
      return found;
    }
  }
  handlers(ServiceWorkerRegistration.prototype, ['updatefound']);
  const registration = new ServiceWorkerRegistration(TOKEN);

  publish({
    ServiceWorker,
    ServiceWorkerRegistration,
    NavigationPreloadManager,
    PushManager,
    PushSubscription,
    PushSubscriptionOptions,
    Notification,
    SyncManager,
    PeriodicSyncManager,
  });
  provide('registration', () => registration);
  provide('serviceWorker', () => worker);
  // Section 4.1.4. The realm activates a worker once it is installed, whether it asked for it or not.
  internals.define('skipWaiting', async function skipWaiting() {});
})
