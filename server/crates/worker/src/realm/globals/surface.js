// The shape of everything that the other files defined, as Web IDL has it (section 3.7): attributes and operations are
// enumerable, on the prototype of the interface that has them; functions show no source text; the members of
// WorkerGlobalScope are on its prototype, those of ServiceWorkerGlobalScope on the global object itself, since it is
// [Global]; what is [Replaceable] can be replaced.
(function (host, internals) {
  'use strict';
  const { P, defined } = internals;
  const WorkerScope = globalThis.WorkerGlobalScope;
  const ServiceScope = globalThis.ServiceWorkerGlobalScope;
  const own = (object, key) => P.Object_getOwnPropertyDescriptor(object, key);
  const isFunction = (value) => typeof value === 'function';

  // ---- Functions of ours say of themselves what native ones do.

  const disguised = new P.WeakSet();
  internals.disguise = (value) => { if (isFunction(value)) P.WeakSetAdd(disguised, value); };
  const { toString } = Function.prototype;
  const shown = {
    toString() {
      if (isFunction(this) && P.WeakSetHas(disguised, this)) {
        const name = own(this, 'name');
        const text = name !== undefined && typeof name.value === 'string' ? name.value : '';
        return `function ${text}() { [native code] }`;
      }
      return P.apply(toString, this, []);
    },
  }.toString;
  internals.disguise(shown);
  P.defineProperty(Function.prototype, 'toString', {
    __proto__: null, value: shown, writable: true, enumerable: false, configurable: true,
  });

  // ---- Members of interfaces

  const constructorLengths = {
    __proto__: null, Event: 1, CustomEvent: 1, ErrorEvent: 1, PromiseRejectionEvent: 2, ExtendableEvent: 1,
    InstallEvent: 1, FetchEvent: 2, ExtendableMessageEvent: 1, MessageEvent: 1, NotificationEvent: 2, PushEvent: 1,
    SyncEvent: 2, PeriodicSyncEvent: 2, EventTarget: 0, AbortController: 0, AbortSignal: 0, Headers: 0, Request: 1,
    Response: 0, FormData: 0, Blob: 0, File: 2, URL: 1, URLSearchParams: 0, TextEncoder: 0, TextDecoder: 0,
    ReadableStream: 0, WritableStream: 0, TransformStream: 0, BroadcastChannel: 1, MessageChannel: 0, MessagePort: 0,
    DOMException: 0, Notification: 1, IDBVersionChangeEvent: 1, PushSubscriptionChangeEvent: 1, ProgressEvent: 1,
    ReadableStreamDefaultReader: 1, ReadableStreamBYOBReader: 1, WritableStreamDefaultWriter: 1,
    ByteLengthQueuingStrategy: 1, CountQueuingStrategy: 1, CompressionStream: 1, DecompressionStream: 1,
    PerformanceObserver: 1, PerformanceMark: 1,
  };
  const lengths = {
    __proto__: null,
    'AbortController.abort': 0, 'static AbortSignal.abort': 0, 'static AbortSignal.any': 1, 'static AbortSignal.timeout': 1,
    'BroadcastChannel.postMessage': 1, 'Client.postMessage': 1, 'MessagePort.postMessage': 1,
    'ServiceWorker.postMessage': 1, 'Cache.add': 1, 'Cache.addAll': 1, 'Cache.delete': 1, 'Cache.keys': 0,
    'Cache.match': 1, 'Cache.matchAll': 0, 'Cache.put': 2, 'CacheStorage.match': 1, 'CacheStorage.has': 1,
    'CacheStorage.open': 1, 'CacheStorage.delete': 1, 'CacheStorage.keys': 0, 'Clients.matchAll': 0,
    'Event.initEvent': 1, 'CustomEvent.initCustomEvent': 1, 'MessageEvent.initMessageEvent': 1,
    'EventTarget.addEventListener': 2, 'EventTarget.removeEventListener': 2, 'EventTarget.dispatchEvent': 1,
    'Headers.append': 2, 'Headers.set': 2, 'Headers.forEach': 1, 'FormData.append': 2, 'FormData.set': 2,
    'FormData.forEach': 1, 'static Response.redirect': 1, 'static Response.json': 1, 'static URL.canParse': 1,
    'static URL.parse': 1,
    'URLSearchParams.append': 2, 'URLSearchParams.set': 2, 'URLSearchParams.delete': 1, 'URLSearchParams.has': 1,
    'URLSearchParams.forEach': 1, 'Blob.slice': 0, 'TextDecoder.decode': 0, 'TextEncoder.encode': 0,
    'TextEncoder.encodeInto': 2, 'LockManager.request': 2, 'ServiceWorkerRegistration.getNotifications': 0,
    'ServiceWorkerRegistration.showNotification': 1, 'InstallEvent.addRoutes': 1, 'ExtendableEvent.waitUntil': 1,
    'FetchEvent.respondWith': 1, 'WindowClient.navigate': 1, 'PushManager.subscribe': 0,
    'PushManager.permissionState': 0, 'Crypto.getRandomValues': 1, 'Performance.mark': 1, 'Performance.measure': 1,
    'Performance.clearMarks': 0, 'Performance.clearMeasures': 0, 'Performance.getEntriesByName': 1,
    'Performance.getEntriesByType': 1, 'IDBFactory.open': 1, 'IDBObjectStore.put': 1, 'IDBObjectStore.add': 1,
    'IDBObjectStore.getAll': 0, 'IDBObjectStore.getAllKeys': 0, 'IDBObjectStore.count': 0,
    'IDBObjectStore.openCursor': 0, 'IDBObjectStore.openKeyCursor': 0, 'IDBIndex.getAll': 0, 'IDBIndex.getAllKeys': 0,
    'IDBIndex.count': 0, 'IDBIndex.openCursor': 0, 'IDBIndex.openKeyCursor': 0, 'IDBCursor.continue': 0,
  };
  const setLength = (value, length) => P.defineProperty(value, 'length', {
    __proto__: null, value: length, writable: false, enumerable: false, configurable: true,
  });
  const setName = (value, name) => P.defineProperty(value, 'name', {
    __proto__: null, value: name, writable: false, enumerable: false, configurable: true,
  });
  // Interfaces whose members do not look at a private field of their object, which is what refuses any other object
  // elsewhere.
  const unbranded = ['WorkerLocation', 'WorkerNavigator', 'Request', 'Client', 'Clients', 'ServiceWorker',
    'ServiceWorkerRegistration', 'NavigationPreloadManager', 'PushManager', 'PushSubscription', 'SyncManager',
    'PeriodicSyncManager', 'StorageManager', 'Permissions', 'LockManager', 'Crypto'];
  const asyncPrototype = P.getPrototypeOf(async () => {});
  const branded = (prototype, act) => {
    const isPromise = P.getPrototypeOf(act) === asyncPrototype || P.WeakSetHas(internals.promising, act);
    const value = {
      act() {
        if (!internals.isObject(this) || !P.ObjectIsPrototypeOf(prototype, this)) {
          const error = new P.TypeError('Illegal invocation');
          if (isPromise) return P.Promise_reject(error);
          throw error;
        }
        return P.apply(act, this, arguments);
      },
    }.act;
    for (let at = 0, keys = ['name', 'length']; at < keys.length; at++) {
      P.defineProperty(value, keys[at], own(act, keys[at]));
    }
    return value;
  };
  const brand = (prototype) => {
    const keys = P.ownKeys(prototype);
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      const property = own(prototype, key);
      if (key === 'constructor' || typeof key !== 'string' || !property.configurable) continue;
      if (isFunction(property.value)) property.value = branded(prototype, property.value);
      if (property.get !== undefined) property.get = branded(prototype, property.get);
      if (property.set !== undefined) property.set = branded(prototype, property.set);
      P.setPrototypeOf(property, null);
      P.defineProperty(prototype, key, property);
    }
  };
  const shape = (object, skipped, prefix) => {
    const keys = P.ownKeys(object);
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at];
      const property = own(object, key);
      internals.disguise(property.value);
      internals.disguise(property.get);
      internals.disguise(property.set);
      if (typeof key !== 'string' || P.ArrayIncludes(skipped, key) || !property.configurable) continue;
      if (property.get !== undefined) setName(property.get, `get ${key}`);
      if (property.set !== undefined) setName(property.set, `set ${key}`);
      if (isFunction(property.value) && lengths[prefix + key] !== undefined) {
        setLength(property.value, lengths[prefix + key]);
      }
    }
  };
  for (let at = 0; at < defined.length; at++) {
    const { name, value } = defined[at];
    if (!isFunction(value)) continue;
    internals.disguise(value);
    if (value.prototype === undefined || own(value.prototype, P.toStringTag) === undefined) continue;
    if (P.ArrayIncludes(unbranded, name)) brand(value.prototype);
    shape(value.prototype, ['constructor'], `${name}.`);
    shape(value, ['prototype', 'length', 'name'], `static ${name}.`);
    internals.exposeMembers(value);
    if (constructorLengths[name] !== undefined) setLength(value, constructorLengths[name]);
    else if (own(value, 'length') !== undefined && value.length > 0) setLength(value, 0);
  }

  internals.disguise(internals.isTrustedGetter);
  for (let at = 0; at < internals.functions.length; at++) internals.disguise(internals.functions[at]);
  // What is no interface: the functions in it, and in their prototypes.
  const disguiseAll = (object, depth) => {
    const keys = P.ownKeys(object);
    for (let at = 0; at < keys.length; at++) {
      const property = own(object, keys[at]);
      internals.disguise(property.get);
      if (!isFunction(property.value) && keys[at] !== 'prototype') continue;
      internals.disguise(property.value);
      if (depth > 0) disguiseAll(property.value, depth - 1);
    }
  };
  disguiseAll(internals.intl, 2);
  disguiseAll(globalThis.console, 0);
  internals.disguise(globalThis.Date);
  internals.disguise(globalThis.Date.now);
  internals.disguise(globalThis.Math.random);

  // ---- The global scope

  // Web IDL, section 3.7.6: without an object, an attribute or operation of the global is the global object's.
  const check = (self) => {
    if (self !== undefined && self !== null && self !== globalThis) throw new P.TypeError('Illegal invocation');
  };
  const promising = ['fetch', 'createImageBitmap', 'skipWaiting'];
  const operation = (name, length, act) => {
    const isPromise = P.ArrayIncludes(promising, name);
    const value = {
      [name]() {
        try {
          check(this);
        } catch (error) {
          if (isPromise) return P.Promise_reject(error);
          throw error;
        }
        return P.apply(act, undefined, arguments);
      },
    }[name];
    setLength(value, length);
    internals.disguise(value);
    return { __proto__: null, value, writable: true, enumerable: true, configurable: true };
  };
  const attribute = (name, get, isReplaceable) => {
    const accessors = own({
      get [name]() {
        check(this);
        return get();
      },
      set [name](value) {
        check(this);
        P.defineProperty(globalThis, name, {
          __proto__: null, value, writable: true, enumerable: true, configurable: true,
        });
      },
    }, name);
    internals.disguise(accessors.get);
    internals.disguise(accessors.set);
    return {
      __proto__: null, get: accessors.get, set: isReplaceable ? accessors.set : undefined, enumerable: true,
      configurable: true,
    };
  };
  const take = (name) => {
    const property = own(globalThis, name);
    if (property === undefined) return undefined;
    delete globalThis[name];
    return property;
  };
  const operations = {
    __proto__: null, importScripts: 0, atob: 1, btoa: 1, setTimeout: 1, clearTimeout: 0, setInterval: 1,
    clearInterval: 0, queueMicrotask: 1, fetch: 1, structuredClone: 1, reportError: 1, createImageBitmap: 1,
  };
  for (let at = 0, names = P.ownKeys(operations); at < names.length; at++) {
    const property = take(names[at]);
    if (property === undefined) continue;
    P.defineProperty(WorkerScope.prototype, names[at],
      operation(names[at], operations[names[at]], property.value));
  }
  const attributes = {
    __proto__: null, self: false, location: false, navigator: false, origin: true, isSecureContext: false,
    crossOriginIsolated: false, crypto: false, caches: false, indexedDB: false, performance: true,
  };
  for (let at = 0, names = P.ownKeys(attributes); at < names.length; at++) {
    const name = names[at];
    const property = take(name);
    if (property === undefined) continue;
    const { value } = property;
    P.defineProperty(WorkerScope.prototype, name,
      attribute(name, property.get === undefined ? () => value : property.get, attributes[name]));
  }
  for (let at = 0, names = ['clients', 'registration', 'serviceWorker']; at < names.length; at++) {
    const property = take(names[at]);
    P.defineProperty(globalThis, names[at], attribute(names[at], property.get, false));
  }
  P.defineProperty(globalThis, 'skipWaiting', operation('skipWaiting', 0, take('skipWaiting').value));
  // The event handler attributes of the [Global] interface are the global object's own.
  const keys = P.ownKeys(ServiceScope.prototype);
  for (let at = 0; at < keys.length; at++) {
    if (typeof keys[at] !== 'string' || keys[at] === 'constructor') continue;
    const property = own(ServiceScope.prototype, keys[at]);
    delete ServiceScope.prototype[keys[at]];
    P.defineProperty(globalThis, keys[at], property);
  }
  internals.watchOwnChecks();
})
