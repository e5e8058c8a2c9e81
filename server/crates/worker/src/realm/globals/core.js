// The base of the other files: the engine's own functions as they were before any script ran, and
// what reports facts and errors.
//
// The rules that keep the recording honest:
// - a method of an object that a worker may change is called through `internals.P` alone (`P.ArrayPush(list, x)`);
// - no `for…of`, no spread, no array pattern: they go through `Symbol.iterator`, which is the worker's to replace;
// - objects that are looked into, and descriptors, are made with `__proto__: null`;
// - state lives in private fields, never in properties that script can reach.
//
// Adds to internals: P, append, filter, copy, define, note, place, currentEvent, hear, describeError, reportError, DOMException,
// missing (a WeakMap from an error to the global that is missing), refused (likewise, to an import's URL).
(function (host, internals) {
  'use strict';
  const { bind, call } = Function.prototype;
  const uncurry = bind.bind(call);
  const { apply, construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
  const P = { __proto__: null, apply, construct, getPrototypeOf, ownKeys, defineProperty };

  const capital = uncurry(String.prototype.toUpperCase);
  const slice = uncurry(String.prototype.slice);
  const capture = (name, constructor, prototype) => {
    const from = (object, prefix, isStatic) => {
      const keys = ownKeys(object);
      for (let at = 0; at < keys.length; at++) {
        const key = keys[at];
        if (typeof key !== 'string' || key === 'constructor') continue;
        const property = getOwnPropertyDescriptor(object, key);
        const method = isStatic ? key : capital(slice(key, 0, 1)) + slice(key, 1);
        if (typeof property.value === 'function') {
          P[prefix + method] = isStatic ? bind.call(property.value, constructor) : uncurry(property.value);
        } else if (property.get && !isStatic) {
          P[prefix + 'Get' + method] = uncurry(property.get);
        }
      }
    };
    if (constructor) from(constructor, name + '_', true);
    from(prototype, name, false);
  };
  const named = [Array, String, Number, Object, Map, Set, WeakMap, WeakSet, Promise, RegExp, ArrayBuffer, Function,
    Error, Date, Symbol, JSON, Math, BigInt, Boolean];
  for (let at = 0; at < named.length; at++) {
    const constructor = named[at];
    if (constructor === JSON || constructor === Math) continue;
    capture(constructor.name, constructor, constructor.prototype);
  }
  capture('TypedArray', null, getPrototypeOf(Uint8Array.prototype));
  capture('DataView', null, DataView.prototype);
  P.TypedArrayGet_tag = uncurry(
    getOwnPropertyDescriptor(getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get);
  P.Object = Object;
  P.RegExp = RegExp;
  P.JSON_parse = JSON.parse;
  P.JSON_stringify = JSON.stringify;
  P.MathFloor = Math.floor;
  P.MathMin = Math.min;
  P.MathMax = Math.max;
  P.Promise = Promise;
  P.Map = Map;
  P.Set = Set;
  P.WeakMap = WeakMap;
  P.WeakSet = WeakSet;
  P.Uint8Array = Uint8Array;
  P.ArrayBuffer = ArrayBuffer;
  P.Error = Error;
  P.TypeError = TypeError;
  P.RangeError = RangeError;
  P.ReferenceError = ReferenceError;
  P.String = String;
  P.Number = Number;
  P.Array = Array;
  P.Date = Date;
  P.Symbol = Symbol;
  P.iterator = Symbol.iterator;
  P.asyncIterator = Symbol.asyncIterator;
  P.toStringTag = Symbol.toStringTag;
  P.isView = ArrayBuffer.isView;
  internals.P = P;

  // The engine makes template literals of `concat`, which in a browser they have nothing to do with: it stays.
  const { concat } = String.prototype;
  defineProperty(String.prototype, 'concat', {
    __proto__: null, get() { return concat; }, set() {}, enumerable: false, configurable: false,
  });

  // What `then` and `await` ask a promise for; a browser's own reactions ask for nothing (Web IDL, "react").
  defineProperty(Promise.prototype, 'constructor', {
    __proto__: null,
    get() { return P.Promise; },
    set(value) {
      if (this === P.Promise.prototype) return;
      defineProperty(this, 'constructor', {
        __proto__: null, value, writable: true, enumerable: true, configurable: true,
      });
    },
    enumerable: false,
    configurable: false,
  });
  defineProperty(Promise, Symbol.species, { __proto__: null, configurable: false });

  // V8's hooks into stacks: with them a worker could change what it is recorded with.
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  // What no list of the worker's can get into: a list grows by definition, not by assignment.
  internals.append = (list, value) => {
    defineProperty(list, list.length, {
      __proto__: null, value, writable: true, enumerable: true, configurable: true,
    });
  };

  // Array's own `filter` and `slice` ask the list's constructor for a new list.
  internals.filter = (list, test) => {
    const kept = [];
    for (let at = 0; at < list.length; at++) if (test(list[at])) internals.append(kept, list[at]);
    return kept;
  };
  internals.copy = (list) => internals.filter(list, () => true);

  // A promise's reactions, without asking its constructor or its `then`.
  const ownThen = Promise.prototype.then;
  internals.hear = (promise, done, failed) => {
    const ignore = () => {};
    return apply(ownThen, promise, [done || ignore, failed || ignore]);
  };

  // Defines a global as Web IDL has it. What was defined is listed, for `surface.js`.
  internals.defined = [];
  internals.define = (name, value) => {
    internals.append(internals.defined, { __proto__: null, name, value });
    defineProperty(globalThis, name, {
      __proto__: null, value, writable: true, enumerable: false, configurable: true,
    });
    if (typeof value === 'function' && value.prototype) {
      defineProperty(value.prototype, Symbol.toStringTag, {
        __proto__: null, value: name, writable: false, enumerable: false, configurable: true,
      });
    }
  };

  internals.note = host.note;
  internals.currentEvent = host.event;
  const stackOf = (error) => {
    // An error of the engine's holds it inside, a DOMException in a property; script may have put anything there.
    const own = getOwnPropertyDescriptor(error, 'stack');
    const stack = own ? own.value : P.ErrorGetStack(error);
    return typeof stack === 'string' ? stack : '';
  };
  // The line of the worker's script that led here.
  internals.place = () => {
    return host.place(P.String(P.ErrorGetStack(new P.Error())));
  };

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  internals.isObject = isObject;

  // Errors that came from a global that is missing, and from an import that was refused.
  internals.missing = new WeakMap();
  internals.refused = new WeakMap();

  // What the engine throws when it has no memory left, which ends the realm however script treats it.
  const isOutOfMemory = (error) => {
    const message = getOwnPropertyDescriptor(error, 'message');
    return message !== undefined && message.value === 'out of memory';
  };

  // An error in words. What script wrote into it may throw in turn.
  internals.describeError = (error) => {
    const described = { __proto__: null, text: '', stack: '', missing: null, refused: null };
    try {
      if (isObject(error)) {
        if (isOutOfMemory(error)) host.failMemory();
        described.missing = P.WeakMapGet(internals.missing, error) || null;
        described.refused = P.WeakMapGet(internals.refused, error) || null;
        described.stack = stackOf(error);
        const message = error.message;
        const name = error.name;
        if (typeof name === 'string' && message !== undefined) {
          const words = P.String(message);
          described.text = words === '' ? name : name + ': ' + words;
        } else {
          described.text = P.String(error);
        }
      } else {
        described.text = typeof error === 'symbol' ? 'a symbol' : P.String(error);
      }
    } catch {
      described.text = described.text || 'an error that can not be read';
    }
    described.text = P.StringSlice(described.text, 0, 2000);
    return described;
  };

  // Notes an error that was not caught; after so many, no more of them.
  const MAX_NOTED_ERRORS = 1000;
  let thrown = 0;
  internals.noteError = (error) => {
    const { text, stack, missing } = internals.describeError(error);
    if (missing !== null) host.failMissing(missing);
    if (thrown >= MAX_NOTED_ERRORS) return;
    thrown += 1;
    internals.note({
      __proto__: null, fact: 'threw', event: host.event(), text, place: host.place(stack),
    });
  };

  // Web IDL, section 2.8.1: the names that have a legacy code.
  const codes = {
    __proto__: null, IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5,
    NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10,
    InvalidStateError: 11, SyntaxError: 12, InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15,
    TypeMismatchError: 17, SecurityError: 18, NetworkError: 19, AbortError: 20, URLMismatchError: 21,
    QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24, DataCloneError: 25,
  };
  class DOMException {
    #message;
    #name;
    constructor(message = '', name = 'Error') {
      this.#message = `${message}`;
      this.#name = `${name}`;
      const stack = P.ErrorGetStack(new P.Error());
      defineProperty(this, 'stack', {
        __proto__: null, value: stack, writable: true, enumerable: false, configurable: true,
      });
    }
    get name() { return this.#name; }
    get message() { return this.#message; }
    get code() { return codes[this.#name] || 0; }
  }
  P.setPrototypeOf = Object.setPrototypeOf;
  P.setPrototypeOf(DOMException.prototype, Error.prototype);
  // Web IDL, section 4.4: the constants, in the order of their values.
  const constants = ['INDEX_SIZE', 'DOMSTRING_SIZE', 'HIERARCHY_REQUEST', 'WRONG_DOCUMENT', 'INVALID_CHARACTER',
    'NO_DATA_ALLOWED', 'NO_MODIFICATION_ALLOWED', 'NOT_FOUND', 'NOT_SUPPORTED', 'INUSE_ATTRIBUTE', 'INVALID_STATE',
    'SYNTAX', 'INVALID_MODIFICATION', 'NAMESPACE', 'INVALID_ACCESS', 'VALIDATION', 'TYPE_MISMATCH', 'SECURITY',
    'NETWORK', 'ABORT', 'URL_MISMATCH', 'QUOTA_EXCEEDED', 'TIMEOUT', 'INVALID_NODE_TYPE', 'DATA_CLONE'];
  for (let at = 0; at < constants.length; at++) {
    const property = { __proto__: null, value: at + 1, enumerable: true };
    defineProperty(DOMException, `${constants[at]}_ERR`, property);
    defineProperty(DOMException.prototype, `${constants[at]}_ERR`, property);
  }
  internals.DOMException = DOMException;
  internals.define('DOMException', DOMException);
})
