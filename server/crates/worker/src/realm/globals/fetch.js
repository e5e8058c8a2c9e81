// fetch() (Fetch, sections 4.1 to 4.10 and 5.6): modes, redirects, CORS, what is opaque. Each hop is one request
// through the host. An answer arrives after some time of the worker's clock, so that caches are faster than networks
// and timers of seconds are slower.
// Adds to internals: fetchState(state, more) -> promise of a response's state, navigationUrl (of the current event).
(function (host, internals) {
  'use strict';
  const { P, append, define, DOMException } = internals;
  // How long the network takes on the worker's clock, in milliseconds.
  const LATENCY = 10;
  const MAX_REDIRECTS = 20;
  const origin = host.urlPart(host.registration.script, 'origin');
  const originOf = (url) => host.urlPart(url, 'origin');
  const isRedirect = (status) => status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
  const isNull = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
  internals.navigationUrl = null;

  const fail = (why) => ({ __proto__: null, error: why });
  const getList = (headers, name) => {
    const value = internals.getHeader(headers, name);
    if (value === null) return [];
    const items = P.StringSplit(P.StringToLowerCase(value), ',');
    for (let at = 0; at < items.length; at++) items[at] = internals.trim(items[at]);
    return items;
  };

  // Fetch, section 4.10, "CORS check".
  const allows = (request, headers, isTainted) => {
    const allowed = internals.getHeader(headers, 'access-control-allow-origin');
    if (allowed === null) return false;
    if (allowed === '*' && request.credentials !== 'include') return true;
    if (allowed !== (isTainted ? 'null' : origin)) return false;
    return request.credentials !== 'include'
      || internals.getHeader(headers, 'access-control-allow-credentials') === 'true';
  };
  const safelisted = ['cache-control', 'content-language', 'content-length', 'content-type', 'expires',
    'last-modified', 'pragma'];
  // What script sees of a response's header list (Fetch, section 2.2.6).
  const visible = (request, headers, type) => {
    if (type === 'basic') return internals.filter(headers, (pair) => pair[0] !== 'set-cookie' && pair[0] !== 'set-cookie2');
    const exposed = getList(headers, 'access-control-expose-headers');
    const isAll = request.credentials !== 'include' && P.ArrayIncludes(exposed, '*');
    return internals.filter(headers, (pair) => pair[0] !== 'set-cookie'
      && (isAll || P.ArrayIncludes(safelisted, pair[0]) || P.ArrayIncludes(exposed, pair[0])));
  };

  const send = (request, url, method, headers, bytes, more) => {
    const list = internals.copy(headers);
    if (internals.getHeader(list, 'accept') === null) append(list, ['accept', '*/*']);
    if (more.origin !== null) append(list, ['origin', more.origin]);
    const answer = host.send({
      __proto__: null, method, url, headers: list, mode: request.mode, destination: request.destination,
      credentials: request.credentials, cache: request.cache,
    }, bytes, {
      __proto__: null, place: more.place,
      navigation: more.navigation,
    });
    if (answer.headers !== undefined) {
      for (let at = 0; at < answer.headers.length; at++) {
        answer.headers[at][0] = P.StringToLowerCase(answer.headers[at][0]);
      }
    }
    return answer;
  };

  // Fetch, "CORS-preflight fetch"; null when it is allowed or not needed, else why not.
  const preflight = (request, url, method, headers, more) => {
    const unsafe = [];
    for (let at = 0; at < headers.length; at++) {
      if (!internals.isSimpleHeader(headers[at][0], headers[at][1])) append(unsafe, headers[at][0]);
    }
    const isSimple = method === 'GET' || method === 'HEAD' || method === 'POST';
    if (isSimple && unsafe.length === 0) return null;
    P.ArraySort(unsafe);
    const list = [['access-control-request-method', method]];
    if (unsafe.length > 0) append(list, ['access-control-request-headers', P.ArrayJoin(unsafe, ',')]);
    const answer = send(request, url, 'OPTIONS', list, new P.Uint8Array(0), more);
    if (answer.error !== undefined) return answer.error;
    if (answer.status < 200 || answer.status > 299 || !allows(request, answer.headers, false)) {
      return 'the preflight request was refused by CORS';
    }
    const isAny = (items) => request.credentials !== 'include' && P.ArrayIncludes(items, '*');
    const methods = getList(answer.headers, 'access-control-allow-methods');
    if (!isSimple && !isAny(methods) && !P.ArrayIncludes(methods, P.StringToLowerCase(method))) {
      return `the method ${method} is not allowed by CORS`;
    }
    const names = getList(answer.headers, 'access-control-allow-headers');
    for (let at = 0; at < unsafe.length; at++) {
      if (!P.ArrayIncludes(names, unsafe[at]) && !(isAny(names) && unsafe[at] !== 'authorization')) {
        return `the header ${unsafe[at]} is not allowed by CORS`;
      }
    }
    return null;
  };

  // The whole of a fetch over HTTP, hop by hop: a response's state, or { error }.
  const run = (request, bytes, place) => {
    let { method } = request;
    let headers = internals.copy(request.headers);
    let url = internals.stripFragment(request.url);
    const urls = [request.url];
    let isCross = false;
    let isTainted = false;
    // Where a navigation's own request is redirected to, it is still the navigation's.
    let isNavigation = request.navigation;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const isSame = originOf(url) === origin;
      if (!isSame && request.mode === 'same-origin') return fail('another origin, and the mode is same-origin');
      if (!isSame && request.mode === 'no-cors' && request.redirect !== 'follow') {
        return fail("another origin in the mode no-cors, and redirects are not followed");
      }
      isCross = isCross || (!isSame && request.mode !== 'navigate');
      const isCors = isCross && request.mode === 'cors';
      isNavigation = isNavigation || (method === 'GET' && url === internals.navigationUrl);
      const more = {
        __proto__: null, place, navigation: isNavigation,
        origin: isCors || (method !== 'GET' && method !== 'HEAD') ? (isTainted ? 'null' : origin) : null,
      };
      if (isCors) {
        const refused = preflight(request, url, method, headers, more);
        if (refused !== null) return fail(refused);
      }
      const answer = send(request, url, method, headers, bytes, more);
      if (answer.error !== undefined) return fail(answer.error);
      if (isCors && !allows(request, answer.headers, isTainted)) return fail('CORS does not allow it');
      const location = internals.getHeader(answer.headers, 'location');
      if (isRedirect(answer.status) && request.redirect !== 'manual') {
        if (request.redirect === 'error') return fail('a redirect, which the request does not allow');
        if (location !== null) {
          let next = host.resolveUrl(location, url);
          const scheme = next ? host.urlPart(next, 'protocol') : '';
          if (scheme !== 'http:' && scheme !== 'https:') return fail('a redirect to nowhere');
          if (P.StringIndexOf(next, '#') < 0) {
            const fragment = P.StringIndexOf(urls[urls.length - 1], '#');
            if (fragment >= 0) next += P.StringSlice(urls[urls.length - 1], fragment);
          }
          if (isCors && originOf(next) !== originOf(url) && !isSame) isTainted = true;
          const isPost = method === 'POST' && (answer.status === 301 || answer.status === 302);
          if (isPost || (answer.status === 303 && method !== 'GET' && method !== 'HEAD')) {
            method = 'GET';
            bytes = new P.Uint8Array(0);
            headers = internals.filter(headers, (pair) => !P.StringStartsWith(pair[0], 'content-'));
          }
          if (originOf(next) !== originOf(url)) {
            headers = internals.filter(headers, (pair) => pair[0] !== 'authorization');
          }
          append(urls, next);
          url = internals.stripFragment(next);
          continue;
        }
      }
      const state = internals.emptyResponse();
      state.urls = urls;
      state.status = answer.status;
      state.statusText = answer.statusText;
      state.headers = answer.headers;
      state.body = internals.newBody(answer.body, { __proto__: null, from: 'network', fetch: answer.id });
      if (isRedirect(answer.status) && request.redirect === 'manual') {
        state.urls = [request.url];
        return internals.opaque(state, 'opaqueredirect');
      }
      if (isCross && request.mode === 'no-cors') {
        state.type = 'basic';
        return request.integrity === '' ? internals.opaque(state, 'opaque') : fail('integrity of an opaque response');
      }
      const refused = checkIntegrity(request.integrity, answer.body);
      if (refused) return fail('the integrity does not match');
      state.type = isCross ? 'cors' : 'basic';
      state.headers = visible(request, answer.headers, state.type);
      if (method === 'HEAD' || isNull(answer.status)) state.body = null;
      return state;
    }
    return fail(`more than ${MAX_REDIRECTS} redirects`);
  };

  // Subresource Integrity, section 3.3.4: the strongest algorithm that is named counts; true when it is not met.
  const checkIntegrity = (integrity, bytes) => {
    const strengths = { __proto__: null, sha256: 1, sha384: 2, sha512: 3 };
    const items = P.StringSplit(internals.trim(integrity), ' ');
    let strongest = 0;
    let isMet = false;
    for (let at = 0; at < items.length; at++) {
      const item = P.RegExpExec(/^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+)={0,2}(?:\?|$)/, items[at]);
      if (item === null || strengths[item[1]] < strongest) continue;
      if (strengths[item[1]] > strongest) isMet = false;
      strongest = strengths[item[1]];
      const digest = host.toBase64(new P.Uint8Array(host.digest('SHA-' + P.StringSlice(item[1], 3), bytes)));
      const plain = (text) => P.ArrayJoin(P.StringSplit(P.ArrayJoin(P.StringSplit(
        P.ArrayJoin(P.StringSplit(text, '='), ''), '-'), '+'), '_'), '/');
      isMet = isMet || plain(digest) === plain(item[2]);
    }
    return strongest > 0 && !isMet;
  };

  // Fetch, "data: URL processor", and object URLs.
  const local = (request, bytes, type, urls) => {
    const state = internals.emptyResponse();
    state.type = 'basic';
    state.urls = urls;
    state.statusText = 'OK';
    append(state.headers, ['content-type', type]);
    state.body = internals.newBody(bytes, null);
    return state;
  };
  const data = (request) => {
    const read = internals.readDataUrl(request.url);
    return read === null ? fail('a data: URL that is not valid') : local(request, read.bytes, read.type, [request.url]);
  };

  // One fetch of ours or of script's; what it resolves to has no `then`.
  internals.fetchState = (request, bytes, place) => {
    const scheme = host.urlPart(request.url, 'protocol');
    if (request.cache === 'only-if-cached') return fail('nothing is in the HTTP cache');
    if (scheme === 'data:') return data(request);
    if (scheme === 'blob:') {
      const blob = internals.objectUrl(request.url);
      return blob === undefined || request.method !== 'GET' ? fail('no such object URL')
        : local(request, internals.blobBytes(blob), blob.type, [request.url]);
    }
    if (scheme !== 'http:' && scheme !== 'https:') return fail(`the scheme ${scheme} is not supported`);
    return run(request, bytes, place);
  };

  const emptyBytes = new P.Uint8Array(0);
  internals.fetchAs = (request, place) => new P.Promise((resolve, reject) => {
    const signal = internals.requestSignal(request);
    const state = internals.requestState(request);
    if (signal !== null && internals.isAborted(signal)) {
      reject(internals.abortReason(signal));
      return;
    }
    const go = (bytes) => {
      let isDone = false;
      if (signal !== null) {
        internals.onAbort(signal, () => {
          if (isDone) return;
          isDone = true;
          reject(internals.abortReason(signal));
        });
      }
      const answer = internals.fetchState(state, bytes, place);
      internals.later(LATENCY, () => {
        if (isDone) return;
        isDone = true;
        if (answer.error !== undefined) reject(new P.TypeError('Failed to fetch: ' + answer.error));
        else resolve(internals.newResponse(answer));
      });
    };
    if (state.body === null) go(emptyBytes);
    else internals.consume(state.body, go, reject);
  });

  define('fetch', function fetch(input, init) {
    if (arguments.length === 0) return P.Promise_reject(new P.TypeError('fetch: 1 argument required'));
    const place = internals.place();
    let request;
    try {
      request = internals.toRequest(input, init);
      if (internals.isRequest(input) && init === undefined) {
        // The request as it was made: its destination and that it is a navigation's go on.
        const state = internals.requestState(input);
        internals.requestState(request).destination = state.destination;
      }
    } catch (error) {
      return P.Promise_reject(error);
    }
    return internals.fetchAs(request, place);
  });
})
