// ExtendableEvent, InstallEvent and FetchEvent (Service Workers, sections 4.4 to 4.6), and what the realm dispatches.
// An event ends when nothing is left to do; what was promised and never came is pending then.
// Adds to internals: ExtendableEvent, eventMakers (tag of facts::Event -> function of it that returns the event),
// dispatchEvent, endEvent, extend(event, promise), navigationPreload ({ enabled, header }).
(function (host, internals) {
  'use strict';
  const { P, define, DOMException, Event } = internals;

  // What is known of the event that runs.
  const begin = () => ({
    __proto__: null, listeners: 0, rejected: null, pending: 0, responded: false, answered: null, event: null,
  });
  let current = begin();
  // The first rejection counts; a global that is missing ends everything.
  const reject = (record, reason) => {
    const { text, missing } = internals.describeError(reason);
    if (missing !== null) host.failMissing(missing);
    if (record.rejected === null) record.rejected = text;
  };

  let extend;
  class ExtendableEvent extends Event {
    #pending = 0;
    #record = null;
    static {
      // Section 4.4, "add lifetime promise".
      extend = (event, promise) => {
        if (!internals.isTrusted(event)) {
          throw new DOMException('The event was not dispatched by the browser.', 'InvalidStateError');
        }
        if (event.#pending === 0 && !internals.isDispatching(event)) {
          throw new DOMException('The event handler is already finished.', 'InvalidStateError');
        }
        event.#pending += 1;
        const record = event.#record;
        record.pending += 1;
        const settled = P.Promise_resolve(promise);
        const end = () => {
          record.pending -= 1;
          // The count falls a microtask later, so that a reaction may still extend.
          internals.hear(P.Promise_resolve(), () => { event.#pending -= 1; });
        };
        internals.hear(settled, end, (reason) => {
          reject(record, reason);
          end();
        });
      };
      internals.extend = (event, promise) => extend(event, promise);
      internals.enter = (event, record) => { event.#record = record; };
    }
    waitUntil(promise) {
      if (arguments.length === 0) throw new P.TypeError('waitUntil: 1 argument required');
      extend(this, promise);
    }
  }
  define('ExtendableEvent', ExtendableEvent);
  internals.ExtendableEvent = ExtendableEvent;
  class InstallEvent extends ExtendableEvent {
    // Section 4.5.1. What routes leave to a cache was stored there before, and is judged as stored; what they leave to
    // the network is played all the same, since browsers without this method send it to the worker.
    addRoutes(rules) {
      if (!internals.isEvent(this)) return P.Promise_reject(new P.TypeError('Illegal invocation'));
      if (arguments.length === 0) return P.Promise_reject(new P.TypeError('addRoutes: 1 argument required'));
      const promise = internals.isObject(rules) ? P.Promise_resolve(undefined)
        : P.Promise_reject(new P.TypeError('addRoutes: the argument is no rule'));
      extend(this, promise);
      return promise;
    }
  }
  define('InstallEvent', InstallEvent);

  internals.navigationPreload = { __proto__: null, enabled: false, header: 'true' };

  class FetchEvent extends ExtendableEvent {
    #init;
    #entered = false;
    #handled;
    #settle;
    constructor(type, init) {
      super(type, init);
      if (!internals.isRequest(init?.request)) throw new P.TypeError('FetchEvent: a request is required');
      this.#init = {
        __proto__: null,
        request: init.request,
        preload: init.preloadResponse === undefined ? P.Promise_resolve(undefined) : init.preloadResponse,
        client: init.clientId === undefined ? '' : `${init.clientId}`,
        resulting: init.resultingClientId === undefined ? '' : `${init.resultingClientId}`,
        replaces: init.replacesClientId === undefined ? '' : `${init.replacesClientId}`,
      };
      this.#handled = new P.Promise((resolve, refuse) => { this.#settle = { __proto__: null, resolve, refuse }; });
      internals.hear(this.#handled);
    }
    get request() { return this.#init.request; }
    get preloadResponse() { return this.#init.preload; }
    get clientId() { return this.#init.client; }
    get resultingClientId() { return this.#init.resulting; }
    get replacesClientId() { return this.#init.replaces; }
    get handled() { return this.#handled; }
    static {
      internals.unanswered = (event) => { if (!event.#entered) event.#settle.resolve(undefined); };
    }
    // Section 4.6.7.
    respondWith(given) {
      if (arguments.length === 0) throw new P.TypeError('respondWith: 1 argument required');
      if (!internals.isDispatching(this)) throw new DOMException('The event is not being dispatched.', 'InvalidStateError');
      if (this.#entered) throw new DOMException('respondWith() was already called.', 'InvalidStateError');
      const promise = P.Promise_resolve(given);
      extend(this, promise);
      internals.stopImmediate(this);
      this.#entered = true;
      const record = current;
      record.responded = true;
      const place = internals.place();
      const state = internals.requestState(this.#init.request);
      const settle = this.#settle;
      const fail = (error) => {
        reject(record, error);
        settle.refuse(new P.TypeError('The response was a network error.'));
      };
      internals.hear(promise, (response) => {
        const refused = refuse(state, response);
        if (refused !== null) {
          fail(new P.TypeError(`the page gets a network error: ${refused}`));
          return;
        }
        settle.resolve(undefined);
        answer(record, internals.responseState(response), place);
      }, fail);
    }
  }
  define('FetchEvent', FetchEvent);
  internals.FetchEvent = FetchEvent;

  // Why a page gets a network error instead: section 4.6.7, step 10, and Fetch, "HTTP fetch", step 5.
  const refuse = (request, response) => {
    if (!internals.isResponse(response)) return 'what respondWith() was given is no Response';
    const state = internals.responseState(response);
    if (internals.isUnusable(state.body)) return "the Response's body was used already";
    if (state.type === 'error') return 'the Response is an error';
    if (request.mode === 'same-origin' && state.type === 'cors') return 'a cors Response to a same-origin request';
    if (request.mode !== 'no-cors' && state.type === 'opaque') return `an opaque Response to a request in mode ${request.mode}`;
    if (request.redirect !== 'manual' && state.type === 'opaqueredirect') return 'an opaqueredirect Response';
    if (request.redirect !== 'follow' && state.urls.length > 1) {
      return 'a redirected Response to a request that does not follow redirects';
    }
    return null;
  };

  // The page reads the response to its end.
  const answer = (record, state, place) => {
    const real = internals.trueState(state);
    const finish = (bytes) => {
      record.answered = {
        __proto__: null, response: internals.seen(state, bytes), body: bytes, headers: internals.copy(real.headers),
        place,
      };
    };
    const bytes = internals.takeBytes(real.body);
    if (bytes !== null) {
      if (real.body !== null) internals.consume(real.body, () => {}, () => {});
      finish(bytes);
      return;
    }
    record.pending += 1;
    internals.consume(real.body, (whole) => {
      record.pending -= 1;
      finish(whole);
    }, (reason) => {
      record.pending -= 1;
      reject(record, reason);
      finish(new P.Uint8Array(0));
    });
  };

  // Referrer Policy, section 8.3, for the default policy: a page tells its own origin all of its URL. Who was led there by
  // no page has no referrer.
  const referrerOf = (url, client) => {
    if (client === null) return 'no-referrer';
    const from = internals.stripFragment(client);
    return host.urlPart(from, 'origin') === host.urlPart(url, 'origin') ? from : `${host.urlPart(from, 'origin')}/`;
  };
  // The request of an event, as the browser made it for a page.
  const requestOf = (given, client) => {
    const state = internals.emptyRequest();
    state.method = given.method;
    state.url = given.url;
    state.headers = given.headers;
    for (let at = 0; at < state.headers.length; at++) state.headers[at][0] = P.StringToLowerCase(state.headers[at][0]);
    const bytes = host.fromBase64(given.body);
    if (given.method !== 'GET' && given.method !== 'HEAD' && bytes && P.TypedArrayGetLength(bytes) > 0) {
      state.body = internals.newBody(bytes, null);
    }
    state.mode = given.mode;
    state.destination = given.destination;
    state.credentials = given.credentials;
    state.cache = given.cache;
    state.navigation = given.mode === 'navigate';
    state.reload = state.navigation && given.cache !== 'default';
    state.referrer = referrerOf(state.url, client);
    state.referrerPolicy = 'strict-origin-when-cross-origin';
    // HTML navigates with the redirect mode "manual"; what elements fetch follows.
    state.redirect = state.navigation ? 'manual' : 'follow';
    return state;
  };

  const preloadOf = (state) => {
    const preload = internals.navigationPreload;
    if (!state.navigation || !preload.enabled || state.method !== 'GET') return undefined;
    const sent = P.Object_assign({ __proto__: null }, state);
    sent.headers = internals.copy(state.headers);
    internals.setHeader(sent.headers, 'service-worker-navigation-preload', preload.header);
    const promise = internals.fetchAs(internals.newRequest(sent, 'immutable'), null);
    internals.hear(promise);
    return promise;
  };

  internals.eventMakers = {
    __proto__: null,
    install: () => new InstallEvent('install'),
    activate: () => new ExtendableEvent('activate'),
    fetch: (given) => {
      const state = requestOf(given.request, given.page);
      internals.navigationUrl = state.navigation && state.method === 'GET' ? internals.stripFragment(state.url) : null;
      return new FetchEvent('fetch', {
        __proto__: null, cancelable: true, request: internals.newRequest(state, 'immutable'),
        preloadResponse: preloadOf(state), clientId: given.client === null ? undefined : given.client,
        resultingClientId: given.resulting_client === null ? undefined : given.resulting_client,
      });
    },
  };
  internals.dispatchEvent = (given) => {
    current = begin();
    internals.navigationUrl = null;
    internals.endTask();
    internals.resumeTimers();
    const make = internals.eventMakers[given.event];
    if (make === undefined) return;
    const event = make(given);
    current.event = event;
    internals.enter(event, current);
    current.listeners = internals.dispatchFirst(globalThis, event);
    if (given.event === 'fetch') internals.unanswered(event);
  };
  internals.endEvent = () => {
    const { listeners, rejected, pending, responded, answered } = current;
    return { __proto__: null, listeners, rejected, pending: pending > 0, responded, answered };
  };
})
