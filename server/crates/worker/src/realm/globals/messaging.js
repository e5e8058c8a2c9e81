// Messages: MessagePort, MessageChannel and BroadcastChannel (HTML, section 9.4 and 9.5). They deliver within
// the realm, in tasks, in order.
//
// Adds internals.transferOf(options): the list of what a postMessage transfers, and internals.portOfPage().
(function (host, internals) {
  'use strict';
  const { P, task, fire, handlers, publish, fail, structuredClone, EventTarget, Event } = internals;
  const slots = new P.WeakMap();
  const slotGet = (object) => (internals.isObject(object) ? P.WeakMapGet(slots, object) : undefined);
  const slotSet = (object, state) => P.WeakMapSet(slots, object, state);
  const TOKEN = {};

  class MessageEvent extends Event {
    #data;
    #origin;
    #lastEventId;
    #source;
    #ports;
    constructor(type, init = {}) {
      super(type, init);
      this.#data = init?.data === undefined ? null : init.data;
      this.#origin = `${init?.origin ?? ''}`;
      this.#lastEventId = `${init?.lastEventId ?? ''}`;
      this.#source = init?.source ?? null;
      this.#ports = P.Object_freeze(P.Array_from(init?.ports ?? []));
    }
    get data() {
      return this.#data;
    }
    get origin() {
      return this.#origin;
    }
    get lastEventId() {
      return this.#lastEventId;
    }
    get source() {
      return this.#source;
    }
    get ports() {
      return this.#ports;
    }
    // HTML, section 9.1, for old scripts.
    initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '', lastEventId = '', source = null,
      ports = []) {
      if (arguments.length === 0) throw new P.TypeError('initMessageEvent: 1 argument required');
      if (internals.isDispatching(this)) return;
      this.initEvent(type, bubbles, cancelable);
      this.#data = data;
      this.#origin = `${origin}`;
      this.#lastEventId = `${lastEventId}`;
      this.#source = source;
      this.#ports = P.Object_freeze(P.Array_from(ports));
    }
  }

  // Both forms of the second argument: a sequence, or a dictionary with one.
  function transferOf(options) {
    if (options === undefined || options === null) return [];
    const list = P.Array_isArray(options) ? options : options.transfer;
    return list === undefined || list === null ? [] : P.Array_from(list);
  }
  internals.transferOf = transferOf;

  function slot(object) {
    const port = slotGet(object);
    if (port === undefined) throw new P.TypeError('Illegal invocation');
    return port;
  }

  class MessagePort extends EventTarget {
    constructor(token) {
      if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
      super();
    }
    postMessage(message, options) {
      const port = slot(this);
      const list = transferOf(options);
      const ports = [];
      const buffers = [];
      for (let i = 0; i < list.length; i++) {
        const other = slotGet(list[i]);
        if (other === undefined || other.queue === undefined) {
          buffers[buffers.length] = list[i];
        } else if (other === port) {
          throw fail('DataCloneError', "A port can't be transferred there.");
        } else {
          ports[ports.length] = list[i];
        }
      }
      const data = ports.length === 0 || typeof message !== 'object'
        ? structuredClone(message, { transfer: buffers })
        : withPorts(message, ports, buffers);
      const target = port.other;
      if (target === null) return;
      target.queue[target.queue.length] = { data, ports };
      if (target.started) task(() => deliver(target));
    }
    start() {
      start(slot(this));
    }
    close() {
      const port = slot(this);
      const other = port.other;
      port.other = null;
      port.closed = true;
      if (other !== null) other.other = null;
    }
  }
  handlers(MessagePort.prototype, ['message', 'messageerror']);
  // HTML, section 9.4.3: the first setting of onmessage starts the port.
  const onmessage = P.Object_getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
  P.defineProperty(MessagePort.prototype, 'onmessage', {
    __proto__: null,
    get: onmessage.get,
    set(callback) {
      P.apply(onmessage.set, this, [callback]);
      start(slot(this));
    },
    enumerable: true,
    configurable: true,
  });

  // A message that holds ports which travel with it: they stay what they are, the rest is cloned.
  function withPorts(message, ports, buffers) {
    for (let i = 0; i < ports.length; i++) if (message === ports[i]) return message;
    const bare = P.Array_isArray(message) ? [] : {};
    const kept = [];
    const keys = P.Object_keys(message);
    for (let i = 0; i < keys.length; i++) {
      const value = message[keys[i]];
      let isPort = false;
      for (let j = 0; j < ports.length; j++) if (ports[j] === value) isPort = true;
      if (isPort) kept[kept.length] = keys[i];
      else bare[keys[i]] = value;
    }
    const data = structuredClone(bare, { transfer: buffers });
    for (let i = 0; i < kept.length; i++) data[kept[i]] = message[kept[i]];
    return data;
  }

  function start(port) {
    if (port.started) return;
    port.started = true;
    for (let i = 0; i < port.queue.length; i++) task(() => deliver(port));
  }

  function deliver(port) {
    if (port.closed || port.queue.length === 0) return;
    const { data, ports } = P.ArraySplice(port.queue, 0, 1)[0];
    fire(port.object, new MessageEvent('message', { data, ports }));
  }

  function newPort() {
    const object = new MessagePort(TOKEN);
    const port = { object, other: null, queue: [], started: false, closed: false };
    slotSet(object, port);
    return port;
  }

  // The port that a page sends along with a message, its own end at the page: what is replied goes nowhere.
  internals.portOfPage = () => {
    const here = newPort();
    const there = newPort();
    here.other = there;
    there.other = here;
    there.started = true;
    return here.object;
  };

  class MessageChannel {
    #port1;
    #port2;
    constructor() {
      const one = newPort();
      const other = newPort();
      one.other = other;
      other.other = one;
      this.#port1 = one.object;
      this.#port2 = other.object;
    }
    get port1() {
      return this.#port1;
    }
    get port2() {
      return this.#port2;
    }
  }

  // Open channels by name, in the order of their making.
  const channels = new P.Map();

  class BroadcastChannel extends EventTarget {
    constructor(name) {
      super();
      if (arguments.length === 0) throw new P.TypeError('BroadcastChannel: 1 argument required.');
      const channel = { object: this, name: `${name}`, closed: false };
      slotSet(this, channel);
      const others = P.MapGet(channels, channel.name);
      if (others === undefined) P.MapSet(channels, channel.name, [channel]);
      else others[others.length] = channel;
    }
    get name() {
      return slot(this).name;
    }
    postMessage(message) {
      const channel = slot(this);
      if (arguments.length === 0) throw new P.TypeError('BroadcastChannel.postMessage: 1 argument required.');
      if (channel.closed) throw fail('InvalidStateError', 'The channel is closed.');
      const others = P.MapGet(channels, channel.name);
      for (let i = 0; i < others.length; i++) {
        const other = others[i];
        if (other === channel) continue;
        const data = structuredClone(message);
        task(() => {
          if (!other.closed) fire(other.object, new MessageEvent('message', { data, origin: internals.origin }));
        });
      }
      if (others.length === 1) structuredClone(message);
    }
    close() {
      const channel = slot(this);
      channel.closed = true;
      const others = P.MapGet(channels, channel.name);
      for (let i = 0; i < others.length; i++) if (others[i] === channel) return void P.ArraySplice(others, i, 1);
    }
  }
  handlers(BroadcastChannel.prototype, ['message', 'messageerror']);

  publish({ MessageEvent, MessagePort, MessageChannel, BroadcastChannel });
})
