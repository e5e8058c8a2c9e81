// Messages: MessagePort, MessageChannel and BroadcastChannel (HTML, section 9.4 and 9.5). They deliver within
// the realm, in tasks, in order.
//
// Adds to internals: isPort(value), preparePortTransfer(port) -> { object, connect } (the port at its new place, and what
// moves its messages and its other end there), and portOfPage().
(function (host, internals) {
  'use strict';
  const { P, task, fire, handlers, publish, fail, structuredClone, EventTarget, Event } = internals;
  const slots = new P.WeakMap();
  const slotGet = (object) => (internals.isObject(object) ? P.WeakMapGet(slots, object) : undefined);
  const slotSet = (object, state) => P.WeakMapSet(slots, object, state);
  const TOKEN = {};

  class MessageEvent extends Event {
    #message;
    constructor(type, init = {}) {
      super(type, init);
      this.#message = internals.messageOf(init);
    }
    get data() { return this.#message.data; }
    get origin() { return this.#message.origin; }
    get lastEventId() { return this.#message.lastEventId; }
    get source() { return this.#message.source; }
    get ports() { return this.#message.ports; }
    // HTML, section 9.1, for old scripts.
    initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '', lastEventId = '', source = null,
      ports = []) {
      if (arguments.length === 0) throw new P.TypeError('initMessageEvent: 1 argument required');
      if (internals.isDispatching(this)) return;
      this.initEvent(type, bubbles, cancelable);
      this.#message = internals.messageOf({ __proto__: null, data, origin, lastEventId, source, ports });
    }
  }

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
    postMessage(message, options = undefined) {
      const port = slot(this);
      internals.need(arguments.length, 1, "Failed to execute 'postMessage' on 'MessagePort'");
      const list = internals.transferOf(options);
      const target = port.other;
      let isDoomed = target === null;
      for (let i = 0; i < list.length; i++) {
        if (list[i] === this) throw fail('DataCloneError', "A port can't be transferred through itself.");
        // HTML, section 9.4.4: a message that takes its own target along reaches nobody.
        if (target !== null && list[i] === target.object) isDoomed = true;
      }
      const { value, ports } = internals.cloneWithTransfer(message, list);
      if (isDoomed) return;
      target.queue[target.queue.length] = { data: value, ports };
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
      port.isDetached = true;
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
    const port = { object, other: null, queue: [], started: false, closed: false, isDetached: false };
    slotSet(object, port);
    return port;
  }

  // HTML, section 9.4.2, the transfer steps of a port: its messages and the port that it is entangled with.
  internals.isPort = (value) => slotGet(value)?.queue !== undefined;
  internals.preparePortTransfer = (value) => {
    const old = slot(value);
    const port = newPort();
    const connect = () => {
      if (old.isDetached) throw fail('DataCloneError', 'A detached port is transferred.');
      old.isDetached = true;
      port.queue = old.queue;
      old.queue = [];
      port.closed = old.closed;
      old.closed = true;
      port.other = old.other;
      old.other = null;
      if (port.other !== null) port.other.other = port;
    };
    return { __proto__: null, object: port.object, connect };
  };

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
