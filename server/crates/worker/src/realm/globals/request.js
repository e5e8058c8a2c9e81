// Request (Fetch, section 5.4). Its state is one object without a prototype, named as Fetch names its items.
// Adds to internals: newRequest(state, guard), requestState(request), isRequest, toRequest(input, init), stripFragment.
(function (host, internals) {
  'use strict';
  const { P, define, DOMException } = internals;
  const key = {};
  const base = () => host.registration.script;
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  internals.stripFragment = (url) => {
    const at = P.StringIndexOf(url, '#');
    return at < 0 ? url : P.StringSlice(url, 0, at);
  };
  const choices = {
    __proto__: null,
    mode: ['same-origin', 'no-cors', 'cors', 'navigate'],
    credentials: ['omit', 'same-origin', 'include'],
    cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
    redirect: ['follow', 'error', 'manual'],
    referrerPolicy: ['', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
      'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url'],
    priority: ['high', 'low', 'auto'],
    duplex: ['half'],
  };
  const members = ['method', 'headers', 'body', 'mode', 'credentials', 'cache', 'redirect', 'referrer',
    'referrerPolicy', 'integrity', 'keepalive', 'signal', 'duplex', 'priority', 'window'];
  // Web IDL's conversion to a RequestInit.
  const readInit = (init) => {
    const read = { __proto__: null, isEmpty: true };
    if (init === undefined || init === null) return read;
    if (!internals.isObject(init)) throw new P.TypeError('Request: the init is not an object');
    for (let at = 0; at < members.length; at++) {
      const value = init[members[at]];
      if (value === undefined) continue;
      const allowed = choices[members[at]];
      if (allowed !== undefined) {
        if (!P.ArrayIncludes(allowed, `${value}`)) {
          throw new P.TypeError(`Request: '${value}' is not a valid ${members[at]}`);
        }
        read[members[at]] = `${value}`;
      } else {
        read[members[at]] = value;
      }
      read.isEmpty = false;
    }
    return read;
  };
  const normal = { __proto__: null, DELETE: 1, GET: 1, HEAD: 1, OPTIONS: 1, POST: 1, PUT: 1 };
  const readMethod = (method) => {
    method = `${method}`;
    if (!internals.matches(token, method)) throw new P.TypeError(`Request: '${method}' is not a valid HTTP method`);
    const upper = P.StringToUpperCase(method);
    if (upper === 'CONNECT' || upper === 'TRACE' || upper === 'TRACK') {
      throw new P.TypeError(`Request: '${method}' is forbidden`);
    }
    return normal[upper] === 1 ? upper : method;
  };

  internals.emptyRequest = () => ({
    __proto__: null, method: 'GET', url: '', headers: [], body: null, mode: 'cors', credentials: 'same-origin',
    cache: 'default', redirect: 'follow', referrer: 'about:client', referrerPolicy: '', integrity: '',
    keepalive: false, destination: '', navigation: false, reload: false, history: false,
  });

  class Request {
    #state;
    #headers;
    // Made when somebody asks for it or another one can abort it: most requests go without.
    #signal = null;
    constructor(input, init, given, state, guard) {
      if (given === key) {
        this.#state = state;
        this.#headers = internals.newHeaders(state.headers, guard);
        return;
      }
      if (arguments.length === 0) throw new P.TypeError('Request: 1 argument required');
      const options = readInit(init);
      const own = internals.emptyRequest();
      let parentSignal = null;
      let from = null;
      if (internals.isObject(input) && #state in input) {
        from = input.#state;
        parentSignal = input.#signal;
        P.Object_assign(own, from);
        own.headers = internals.copy(from.headers);
        own.body = null;
        // Fetch keeps the mode of a navigation only when nothing is changed.
        if (!options.isEmpty) {
          if (own.mode === 'navigate') own.mode = 'same-origin';
          own.reload = false;
          own.history = false;
          own.referrer = 'about:client';
          own.referrerPolicy = '';
        }
        // A request that script constructs is no longer the browser's own for a document or a script.
        own.destination = '';
        own.url = from.url;
      } else {
        const text = `${input}`;
        const url = host.resolveUrl(text, base());
        if (!url) throw new P.TypeError(`Request: cannot parse URL from '${text}'`);
        if (host.urlPart(url, 'username') !== '' || host.urlPart(url, 'password') !== '') {
          throw new P.TypeError(`Request: '${text}' is a URL with embedded credentials`);
        }
        own.url = url;
      }
      if (options.window !== undefined && options.window !== null) {
        throw new P.TypeError('Request: the window must be null');
      }
      if (options.mode === 'navigate') throw new P.TypeError("Request: a mode of 'navigate' can not be constructed");
      if (options.mode !== undefined) own.mode = options.mode;
      if (options.credentials !== undefined) own.credentials = options.credentials;
      if (options.cache !== undefined) own.cache = options.cache;
      if (own.cache === 'only-if-cached' && own.mode !== 'same-origin') {
        throw new P.TypeError("Request: 'only-if-cached' needs the mode 'same-origin'");
      }
      if (options.redirect !== undefined) own.redirect = options.redirect;
      if (options.referrer !== undefined) {
        const text = `${options.referrer}`;
        if (text === '') {
          own.referrer = 'no-referrer';
        } else {
          const url = host.resolveUrl(text, base());
          if (!url) throw new P.TypeError(`Request: the referrer '${text}' is not a URL`);
          own.referrer = host.urlPart(url, 'origin') === host.urlPart(base(), 'origin') ? url : 'about:client';
        }
      }
      if (options.referrerPolicy !== undefined) own.referrerPolicy = options.referrerPolicy;
      if (options.integrity !== undefined) own.integrity = `${options.integrity}`;
      if (options.keepalive !== undefined) own.keepalive = !!options.keepalive;
      if (options.method !== undefined) own.method = readMethod(options.method);
      if (options.signal !== undefined) {
        if (options.signal !== null && !internals.isSignal(options.signal)) {
          throw new P.TypeError('Request: the signal is not an AbortSignal');
        }
        parentSignal = options.signal;
      }
      this.#follow(parentSignal);

      let ownGuard = 'request';
      if (own.mode === 'no-cors') {
        if (own.method !== 'GET' && own.method !== 'HEAD' && own.method !== 'POST') {
          throw new P.TypeError(`Request: '${own.method}' is not allowed in the mode 'no-cors'`);
        }
        ownGuard = 'request-no-cors';
      }
      const old = own.headers;
      own.headers = [];
      this.#state = own;
      this.#headers = internals.newHeaders(own.headers, ownGuard);
      if (options.headers !== undefined) {
        internals.fillHeaders(this.#headers, options.headers);
      } else if (!options.isEmpty) {
        internals.copyHeaders(this.#headers, old);
      } else {
        for (let at = 0; at < old.length; at++) internals.append(own.headers, old[at]);
      }

      const hasBody = options.body !== undefined && options.body !== null;
      if ((hasBody || (from !== null && from.body !== null)) && (own.method === 'GET' || own.method === 'HEAD')) {
        throw new P.TypeError('Request: a request with method GET or HEAD cannot have a body');
      }
      if (hasBody) {
        const { body, type } = internals.extractBody(options.body);
        if (body.stream !== null && options.duplex === undefined) {
          throw new P.TypeError("Request: a stream as body needs 'duplex'");
        }
        own.body = body;
        if (type !== null && internals.getHeader(own.headers, 'content-type') === null) {
          internals.append(own.headers, ['content-type', type]);
        }
      } else if (from !== null && from.body !== null) {
        if (internals.isUnusable(from.body)) throw new P.TypeError('Request: the body was used already');
        own.body = internals.cloneBody(from.body);
        from.body.used = true;
      }
    }
    static {
      internals.isRequest = (value) => internals.isObject(value) && #state in value;
      internals.requestState = (request) => request.#state;
      internals.requestSignal = (request) => request.#signal;
      internals.newRequest = (state, guard) => new Request(undefined, undefined, key, state, guard);
    }
    get method() { return this.#state.method; }
    get url() { return this.#state.url; }
    get headers() { return this.#headers; }
    get destination() { return this.#state.destination; }
    get referrer() { return this.#state.referrer === 'no-referrer' ? '' : this.#state.referrer; }
    get referrerPolicy() { return this.#state.referrerPolicy; }
    get mode() { return this.#state.mode; }
    get credentials() { return this.#state.credentials; }
    get cache() { return this.#state.cache; }
    get redirect() { return this.#state.redirect; }
    get integrity() { return this.#state.integrity; }
    get keepalive() { return this.#state.keepalive; }
    get isReloadNavigation() { return this.#state.reload; }
    get isHistoryNavigation() { return this.#state.history; }
    get signal() {
      if (this.#signal === null) this.#signal = internals.newSignal();
      return this.#signal;
    }
    #follow(parent) {
      if (parent === null) return;
      this.#signal = internals.newSignal();
      internals.follow(this.#signal, parent);
    }
    get duplex() { return 'half'; }
    clone() {
      if (internals.isUnusable(this.#state.body)) throw new P.TypeError('Request: the body was used already');
      const state = P.Object_assign({ __proto__: null }, this.#state);
      state.headers = internals.copy(this.#state.headers);
      state.body = internals.cloneBody(this.#state.body);
      const clone = new Request(undefined, undefined, key, state, 'request');
      clone.#follow(this.#signal);
      return clone;
    }
  }
  internals.mixBody(Request, (request) => {
    const state = internals.requestState(request);
    return { __proto__: null, body: state.body, type: internals.getHeader(state.headers, 'content-type') };
  });
  define('Request', Request);
  internals.Request = Request;
  internals.toRequest = (input, init) => new Request(input, init);
})
