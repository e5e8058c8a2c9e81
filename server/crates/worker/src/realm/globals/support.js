// What the files of storage, clients, registration, messages and the navigator share.
//
// Adds to internals: task(act), fail(name, message), fire(target, event, parents) -> whether a listener threw,
// handlers(prototype, types), publish({ name: class }), provide(name, get) for an attribute of the global scope,
// resolveUrl(text) -> URL or null, originOfUrl(url), messageOf(init) -> what events with a message have in common, and
// origin, scope, script of the registration.
(function (host, internals) {
  'use strict';
  const { P, DOMException } = internals;

  internals.task = (act) => { internals.later(0, act); };
  internals.fail = (name, message) => new DOMException(message, name);
  internals.fire = (target, event, parents) => internals.dispatchAlong(target, event, parents ?? []);

  internals.handlers = (prototype, types) => {
    for (let at = 0; at < types.length; at++) internals.attribute(prototype, types[at]);
  };
  internals.publish = (classes) => {
    const names = P.ownKeys(classes);
    for (let at = 0; at < names.length; at++) internals.define(names[at], classes[names[at]]);
  };
  // Web IDL, section 3.7.6: a read-only attribute of a global is a getter on it.
  internals.provide = (name, get) => {
    P.defineProperty(globalThis, name, { __proto__: null, get, set: undefined, enumerable: true, configurable: true });
  };

  // The members that MessageEventInit (HTML, section 9.1) and ExtendableMessageEventInit share.
  internals.messageOf = (init) => ({
    __proto__: null,
    data: init?.data === undefined ? null : init.data,
    origin: `${init?.origin ?? ''}`,
    lastEventId: `${init?.lastEventId ?? ''}`,
    source: init?.source ?? null,
    ports: P.Object_freeze(P.Array_from(init?.ports ?? [])),
  });

  internals.structuredClone = globalThis.structuredClone;
  internals.script = host.registration.script;
  internals.scope = host.registration.scope;
  internals.originOfUrl = (url) => host.urlPart(url, 'origin');
  internals.origin = internals.originOfUrl(internals.script);
  internals.resolveUrl = (text) => host.resolveUrl(P.String(text), internals.script) || null;
})
