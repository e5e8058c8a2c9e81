// setTimeout, setInterval, queueMicrotask, Date and performance on the worker's own clock, and Math.random on a
// fixed row of numbers. Adds fireTimer, resumeTimers, atTaskEnd, endTask and later (a task after some time of the clock) to internals.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  // By the digits of the number: the engine's hash of numbers puts most of them into few slots.
  const timers = new P.Map();
  const find = (id) => P.MapGet(timers, P.String(id));
  const forget = (id) => P.MapDelete(timers, P.String(id));
  const keep = (id, timer) => { P.MapSet(timers, P.String(id), timer); };

  const evaluate = globalThis.eval;
  // HTML, "timer initialization steps": the handler is a function or the text of a script, the delay a `long`.
  const arm = (name, given, repeats) => {
    internals.need(given.length, 1, `Failed to execute '${name}' on 'WorkerGlobalScope'`);
    let callback = given[0];
    if (typeof callback !== 'function') {
      const source = `${callback}`;
      callback = () => evaluate(source);
    }
    const wait = P.MathMax(given[1] | 0, repeats ? 1 : 0);
    const args = [];
    for (let at = 2; at < given.length; at++) internals.append(args, given[at]);
    const id = host.arm(wait);
    keep(id, { __proto__: null, callback, args, repeats, wait, ticks: 0, isScript: true });
    return id;
  };
  const disarm = (id) => {
    id |= 0;
    if (forget(id)) host.disarm(id);
  };
  // Whether it was script's; what our own files do later is no timer of anybody's.
  internals.fireTimer = (id) => {
    internals.endTask();
    const timer = find(id);
    if (timer === undefined) return false;
    if (!timer.repeats) {
      forget(id);
    } else {
      timer.ticks += 1;
      // What still ticks after a minute shows nothing new, and no browser keeps a worker for it: the next event goes on.
      if (timer.ticks >= FEWEST_TICKS && host.elapsed() - begun >= TICKING) internals.append(resting, id);
      else host.arm(timer.wait, id);
    }
    internals.invoke(timer.callback, globalThis, timer.args);
    return timer.isScript;
  };
  // What is to be done once the current task and its microtasks have ended: at the latest when the next one begins.
  let ending = [];
  internals.atTaskEnd = (act) => { internals.append(ending, act); };
  internals.endTask = () => {
    const acts = ending;
    ending = [];
    for (let at = 0; at < acts.length; at++) acts[at]();
  };
  const TICKING = 60000;
  const FEWEST_TICKS = 3;
  let begun = 0;
  let resting = [];
  // An event begins: intervals tick again.
  internals.resumeTimers = () => {
    begun = host.elapsed();
    const ids = resting;
    resting = [];
    P.MapForEach(timers, (timer) => { timer.ticks = 0; });
    for (let at = 0; at < ids.length; at++) {
      const timer = find(ids[at]);
      if (timer !== undefined) host.arm(timer.wait, ids[at]);
    }
  };
  // Something of our own, as a task of its own after that many milliseconds.
  internals.later = (delay, act) => {
    keep(host.arm(delay), {
      __proto__: null, callback: act, args: [], repeats: false, wait: delay, ticks: 0, isScript: false,
    });
  };

  internals.operation('setTimeout', function setTimeout(handler) { return arm('setTimeout', arguments, false); });
  internals.operation('setInterval', function setInterval(handler) { return arm('setInterval', arguments, true); });
  internals.operation('clearTimeout', function clearTimeout(id = 0) { disarm(id); });
  internals.operation('clearInterval', function clearInterval(id = 0) { disarm(id); });
  const settled = P.Promise_resolve();
  internals.operation('queueMicrotask', function queueMicrotask(callback) {
    internals.need(arguments.length, 1, "Failed to execute 'queueMicrotask' on 'WorkerGlobalScope'");
    if (typeof callback !== 'function') throw new P.TypeError('queueMicrotask: the callback is not a function.');
    internals.hear(settled, () => internals.invoke(callback, undefined, []));
  });

  const OwnDate = P.Date;
  const now = () => host.startMs + P.MathFloor(host.elapsed());
  const dateToString = P.DateToString;
  const VirtualDate = function Date(...args) {
    if (new.target === undefined) return dateToString(new OwnDate(now()));
    return P.construct(OwnDate, args.length === 0 ? [now()] : args, new.target);
  };
  const statics = P.ownKeys(OwnDate);
  for (let at = 0; at < statics.length; at++) {
    const key = statics[at];
    if (key === 'now') continue;
    P.defineProperty(VirtualDate, key, P.Object_getOwnPropertyDescriptor(OwnDate, key));
  }
  P.defineProperty(VirtualDate, 'now', {
    __proto__: null, value: { now() { return now(); } }.now, writable: true, enumerable: false, configurable: true,
  });
  P.defineProperty(OwnDate.prototype, 'constructor', {
    __proto__: null, value: VirtualDate, writable: true, enumerable: false, configurable: true,
  });
  P.defineProperty(globalThis, 'Date', {
    __proto__: null, value: VirtualDate, writable: true, enumerable: false, configurable: true,
  });

  P.defineProperty(Math, 'random', {
    __proto__: null, value: { random() { return host.random(); } }.random,
    writable: true, enumerable: false, configurable: true,
  });
})
