// ServiceWorkerGlobalScope's chain, `self`, location, importScripts, console and the small things of a worker's
// global scope (HTML, section 10.2; Service Workers, section 4.1).
(function (host, internals) {
  'use strict';
  const { P, define, DOMException } = internals;
  const script = host.registration.script;

  class WorkerGlobalScope extends internals.EventTarget {
    constructor() { throw new P.TypeError('Illegal constructor'); }
  }
  class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
  define('WorkerGlobalScope', WorkerGlobalScope);
  define('ServiceWorkerGlobalScope', ServiceWorkerGlobalScope);
  internals.ServiceWorkerGlobalScope = ServiceWorkerGlobalScope;
  P.setPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);
  // The engine's own name for it; `Object.prototype.toString` says what the interface does.
  delete globalThis[P.toStringTag];

  const constant = (object, name, get) => P.defineProperty(object, name, {
    __proto__: null, get, enumerable: true, configurable: true,
  });
  constant(globalThis, 'self', function self() { return globalThis; });
  for (let at = 0, types = ['error', 'languagechange', 'offline', 'online', 'rejectionhandled', 'unhandledrejection'];
    at < types.length; at++) internals.attribute(WorkerGlobalScope.prototype, types[at]);
  for (let at = 0, types = ['install', 'activate', 'fetch', 'message', 'messageerror', 'push', 'sync', 'periodicsync',
    'notificationclick', 'notificationclose', 'pushsubscriptionchange', 'cookiechange', 'canmakepayment',
    'paymentrequest', 'abortpayment', 'backgroundfetchsuccess', 'backgroundfetchfail', 'backgroundfetchabort',
    'backgroundfetchclick', 'contentdelete']; at < types.length; at++) {
    internals.attribute(ServiceWorkerGlobalScope.prototype, types[at]);
  }

  class WorkerLocation {
    constructor(given) { if (given !== internals) throw new P.TypeError('Illegal constructor'); }
    toString() { return script; }
  }
  const parts = ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
  for (let at = 0; at < parts.length; at++) {
    const value = host.urlPart(script, parts[at]);
    constant(WorkerLocation.prototype, parts[at], () => value);
  }
  define('WorkerLocation', WorkerLocation);
  const location = new WorkerLocation(internals);
  constant(globalThis, 'location', () => location);
  const origin = host.urlPart(script, 'origin');
  constant(globalThis, 'origin', () => origin);
  // A service worker exists in a secure context alone.
  constant(globalThis, 'isSecureContext', () => true);
  constant(globalThis, 'crossOriginIsolated', () => false);

  define('importScripts', function importScripts(...urls) {
    if (host.registration.module) throw new P.TypeError('importScripts: not in a module');
    const resolved = [];
    for (let at = 0; at < urls.length; at++) {
      const url = host.resolveUrl(`${urls[at]}`, script);
      if (!url) throw new DOMException(`importScripts: '${urls[at]}' is not a URL`, 'SyntaxError');
      internals.append(resolved, url);
    }
    for (let at = 0; at < resolved.length; at++) {
      const refused = host.importScript(resolved[at]);
      if (refused !== null) {
        const error = new DOMException(`importScripts: '${resolved[at]}' can't be had: ${refused.why}`, 'NetworkError');
        P.WeakMapSet(internals.refused, error, resolved[at]);
        throw error;
      }
    }
  });

  // Console Standard, as far as somebody reads it: the text of each argument, shortened.
  const show = (value) => {
    try {
      if (typeof value === 'string') return value;
      if (internals.isObject(value) && typeof value !== 'function') {
        const { text, stack } = internals.describeError(value);
        if (stack !== '') return text;
        const json = P.JSON_stringify(value);
        return json === undefined ? text : json;
      }
      return P.String(value);
    } catch {
      return '…';
    }
  };
  // More than this would be noise, and a loop that logs would fill the record.
  const MAX_LOG_LINES = 1000;
  let logged = 0;
  const say = (level, values) => {
    if (logged >= MAX_LOG_LINES) return;
    logged += 1;
    let text = '';
    for (let at = 0; at < values.length; at++) text += (at === 0 ? '' : ' ') + show(values[at]);
    internals.note({ __proto__: null, fact: 'said', level, text: P.StringSlice(text, 0, 500) });
  };
  // Web IDL, section 3.13.1, and the Console Standard, section 1: a prototype of its own, which is empty.
  const console = P.Object_create(P.Object_create(P.Object.prototype));
  P.defineProperty(console, P.toStringTag, {
    __proto__: null, value: 'console', writable: false, enumerable: false, configurable: true,
  });
  const levels = ['debug', 'error', 'info', 'log', 'warn', 'trace', 'dir', 'dirxml', 'table', 'group',
    'groupCollapsed'];
  for (let at = 0; at < levels.length; at++) {
    const level = levels[at];
    console[level] = { [level](...values) { say(level, values); } }[level];
  }
  console.assert = (condition, ...values) => { if (!condition) say('assert', values); };
  for (let at = 0, quiet = ['clear', 'groupEnd', 'timeStamp', 'profile', 'profileEnd']; at < quiet.length; at++) {
    console[quiet[at]] = { [quiet[at]]() {} }[quiet[at]];
  }
  // Nobody reads counts and times, but their label becomes a text.
  for (let at = 0, labelled = ['count', 'countReset', 'time', 'timeLog', 'timeEnd']; at < labelled.length; at++) {
    console[labelled[at]] = { [labelled[at]](label = 'default') { void `${label}`; } }[labelled[at]];
  }
  define('console', console);
})
