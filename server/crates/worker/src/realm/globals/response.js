// Response (Fetch, section 5.5). Its state is { type, urls, status, statusText, headers, body, hidden }: `hidden` is
// the state of the true response behind an opaque one, which script can't see and facts record.
// Adds to internals: newResponse(state), responseState(response), isResponse, networkError(), opaque(state, type),
// responseUrl(state), cloneState(state), seen(response's state, bytes) -> `Seen`.
(function (host, internals) {
  'use strict';
  const { P, append, define } = internals;
  const key = {};
  const reason = /^[\t\x20-\x7e\x80-\xff]*$/;
  const nullBody = { __proto__: null, 101: 1, 103: 1, 204: 1, 205: 1, 304: 1 };
  const redirects = { __proto__: null, 301: 1, 302: 1, 303: 1, 307: 1, 308: 1 };

  internals.emptyResponse = () => ({
    __proto__: null, type: 'default', urls: [], status: 200, statusText: '', headers: [], body: null, hidden: null,
  });
  internals.networkError = () => {
    const state = internals.emptyResponse();
    state.type = 'error';
    state.status = 0;
    return state;
  };
  // Fetch, "opaque filtered response" and "opaque-redirect filtered response".
  internals.opaque = (hidden, type) => {
    const state = internals.networkError();
    state.type = type;
    state.hidden = hidden;
    if (type === 'opaqueredirect') state.urls = hidden.urls;
    return state;
  };
  internals.responseUrl = (state) =>
    (state.urls.length === 0 ? '' : internals.stripFragment(state.urls[state.urls.length - 1]));
  internals.trueState = (state) => (state.hidden === null ? state : state.hidden);
  internals.cloneState = (state) => {
    const clone = P.Object_assign({ __proto__: null }, state);
    clone.urls = internals.copy(state.urls);
    clone.headers = internals.copy(state.headers);
    clone.body = internals.cloneBody(state.body);
    if (state.hidden !== null) clone.hidden = internals.cloneState(state.hidden);
    return clone;
  };
  // A response as facts record it; the bytes are those of the true body.
  internals.seen = (state, bytes) => {
    const real = internals.trueState(state);
    return {
      __proto__: null, url: internals.responseUrl(real), status: state.status, kind: state.type,
      content_type: internals.getHeader(real.headers, 'content-type'), bytes: P.TypedArrayGetLength(bytes),
      digest: host.sha256(bytes), source: internals.sourceOf(real.body, bytes),
    };
  };

  class Response {
    #state;
    #headers;
    constructor(body = null, init = undefined, given = undefined, state = undefined, guard = undefined) {
      if (given === key) {
        this.#state = state;
        this.#headers = internals.newHeaders(state.headers, guard);
        return;
      }
      this.#state = internals.emptyResponse();
      this.#headers = internals.newHeaders(this.#state.headers, 'response');
      const extracted = body === null || body === undefined ? null : internals.extractBody(body);
      this.#initialise(init, extracted);
    }
    // Fetch, "initialize a response".
    #initialise(init, extracted) {
      if (init !== undefined && init !== null && !internals.isObject(init)) {
        throw new P.TypeError('Response: the init is not an object');
      }
      const state = this.#state;
      if (init?.status !== undefined) {
        const status = init.status & 0xffff;
        if (status < 200 || status > 599) {
          throw new P.RangeError(`Response: the status provided (${status}) is outside the range [200, 599].`);
        }
        state.status = status;
      }
      if (init?.statusText !== undefined) {
        const text = `${init.statusText}`;
        if (!internals.matches(reason, text)) throw new P.TypeError('Response: invalid statusText');
        state.statusText = text;
      }
      if (init?.headers !== undefined) internals.fillHeaders(this.#headers, init.headers);
      if (extracted !== null) {
        if (nullBody[state.status] === 1) {
          throw new P.TypeError('Response: a response with a null body status cannot have a body');
        }
        state.body = extracted.body;
        if (extracted.type !== null && internals.getHeader(state.headers, 'content-type') === null) {
          append(state.headers, ['content-type', extracted.type]);
        }
      }
    }
    static {
      internals.isResponse = (value) => internals.isObject(value) && #state in value;
      internals.responseState = (response) => response.#state;
      internals.newResponse = (state, guard = 'immutable') => new Response(null, undefined, key, state, guard);
    }
    static error() { return internals.newResponse(internals.networkError()); }
    static redirect(url, status = 302) {
      const target = host.resolveUrl(`${url}`, host.registration.script);
      if (!target) throw new P.TypeError(`Response.redirect: '${url}' is not a URL`);
      if (redirects[status] !== 1) throw new P.RangeError(`Response.redirect: ${status} is no redirect`);
      const state = internals.emptyResponse();
      state.status = +status;
      append(state.headers, ['location', target]);
      return internals.newResponse(state);
    }
    static json(data, init) {
      const text = P.JSON_stringify(data);
      if (text === undefined) throw new P.TypeError('Response.json: the data can not be written as JSON');
      const response = new Response();
      response.#initialise(init, {
        __proto__: null, type: 'application/json', body: internals.newBody(host.encode(text), null),
      });
      return response;
    }
    get type() { return this.#state.type; }
    get url() { return this.#state.type === 'opaque' ? '' : internals.responseUrl(this.#state); }
    get redirected() { return this.#state.urls.length > 1; }
    get status() { return this.#state.status; }
    get ok() { return this.#state.status >= 200 && this.#state.status <= 299; }
    get statusText() { return this.#state.statusText; }
    get headers() { return this.#headers; }
    clone() {
      if (internals.isUnusable(this.#state.body)) throw new P.TypeError('Response: the body was used already');
      const immutable = this.#state.type !== 'default';
      return internals.newResponse(internals.cloneState(this.#state), immutable ? 'immutable' : 'response');
    }
  }
  internals.mixBody(Response, (response) => {
    const state = internals.responseState(response);
    return { __proto__: null, body: state.body, type: internals.getHeader(state.headers, 'content-type') };
  });
  define('Response', Response);
  internals.Response = Response;
})
