// The navigator of a worker (HTML, section 8.1.2: WorkerNavigator) as a current Chrome on Linux gives it, with
// storage, permissions and locks.
(function (host, internals) {
  'use strict';
  const { P, publish, provide, task, handlers, fail, EventTarget } = internals;
  const VERSION = '142';
  const TOKEN = {};

  function only(token) {
    if (token !== TOKEN) throw new P.TypeError('Illegal constructor');
  }

  class StorageManager {
    constructor(token) {
      only(token);
    }
    async estimate() {
      const { quota, usage } = host.storage();
      return { quota, usage, usageDetails: {} };
    }
    async persisted() {
      return false;
    }
  }

  class PermissionStatus extends EventTarget {
    #name;
    #state;
    constructor(token, name, state) {
      only(token);
      super();
      this.#name = name;
      this.#state = state;
    }
    get name() {
      return this.#name;
    }
    get state() {
      return this.#state;
    }
  }
  handlers(PermissionStatus.prototype, ['change']);

  class Permissions {
    constructor(token) {
      only(token);
    }
    async query(descriptor) {
      if (typeof descriptor !== 'object' || descriptor === null || descriptor.name === undefined) {
        throw new P.TypeError('The descriptor needs a name.');
      }
      const name = `${descriptor.name}`;
      const granted =
        name === 'notifications' || name === 'push' || name === 'background-sync' || name === 'periodic-background-sync';
      return new PermissionStatus(TOKEN, name === 'push' ? 'notifications' : name, granted ? 'granted' : 'prompt');
    }
  }

  class NetworkInformation extends EventTarget {
    constructor(token) {
      only(token);
      super();
    }
    get effectiveType() {
      return '4g';
    }
    get downlink() {
      return 10;
    }
    get rtt() {
      return 50;
    }
    get saveData() {
      return false;
    }
  }
  handlers(NetworkInformation.prototype, ['change']);

  class NavigatorUAData {
    constructor(token) {
      only(token);
    }
    get brands() {
      return [
        { brand: 'Chromium', version: VERSION },
        { brand: 'Not_A Brand', version: '99' },
      ];
    }
    get mobile() {
      return false;
    }
    get platform() {
      return 'Linux';
    }
    async getHighEntropyValues() {
      return this.toJSON();
    }
    toJSON() {
      return { brands: this.brands, mobile: false, platform: 'Linux' };
    }
  }

  // ---- Web Locks: held and wanted locks by name, granted in the order of asking.

  const locks = new P.Map();

  class Lock {
    #name;
    #mode;
    constructor(token, name, mode) {
      only(token);
      this.#name = name;
      this.#mode = mode;
    }
    get name() {
      return this.#name;
    }
    get mode() {
      return this.#mode;
    }
  }

  function line(name) {
    let found = P.MapGet(locks, name);
    if (found === undefined) P.MapSet(locks, name, (found = { held: [], wanted: [] }));
    return found;
  }

  function isFree(found, mode) {
    if (found.held.length === 0) return true;
    if (mode === 'exclusive') return false;
    for (let i = 0; i < found.held.length; i++) if (found.held[i].mode === 'exclusive') return false;
    return true;
  }

  function remove(list, item) {
    for (let i = 0; i < list.length; i++) if (list[i] === item) return void P.ArraySplice(list, i, 1);
  }

  function grant(found) {
    while (found.wanted.length > 0 && isFree(found, found.wanted[0].mode)) {
      const wanted = P.ArraySplice(found.wanted, 0, 1)[0];
      found.held[found.held.length] = wanted;
      task(() => hold(found, wanted));
    }
  }

  // Runs the callback with the lock; it is held until what that returned has settled.
  async function hold(found, wanted) {
    try {
      wanted.resolve(await P.apply(wanted.callback, undefined, [new Lock(TOKEN, wanted.name, wanted.mode)]));
    } catch (error) {
      wanted.reject(error);
    } finally {
      remove(found.held, wanted);
      grant(found);
    }
  }

  function list(from, into) {
    for (let i = 0; i < from.length; i++) {
      into[into.length] = { name: from[i].name, mode: from[i].mode, clientId: 'worker' };
    }
  }

  // The dictionary LockOptions, its members in the order of their names.
  function lockOptions(value) {
    const options = internals.dictionary(value, 'The options');
    const read = { __proto__: null, ifAvailable: false, mode: 'exclusive', signal: undefined, steal: false };
    read.ifAvailable = !!options.ifAvailable;
    const { mode } = options;
    if (mode !== undefined) read.mode = internals.choice(mode, ['exclusive', 'shared'], 'LockMode');
    const { signal } = options;
    if (signal !== undefined && !internals.isSignal(signal)) throw new P.TypeError('The signal is not an AbortSignal.');
    read.signal = signal;
    read.steal = !!options.steal;
    return read;
  }

  class LockManager {
    constructor(token) {
      only(token);
    }
    // Section 4.3: the arguments are judged before anything is asked for.
    async request(name, second, third) {
      internals.need(arguments.length, 2, "Failed to execute 'request' on 'LockManager'");
      const hasOptions = arguments.length > 2;
      const callback = hasOptions ? third : second;
      const called = `${name}`;
      const { mode, ifAvailable, steal, signal } = lockOptions(hasOptions ? second : undefined);
      if (typeof callback !== 'function') throw new P.TypeError('The callback is not a function.');
      if (P.StringStartsWith(called, '-')) throw fail('NotSupportedError', "Names cannot start with '-'.");
      if (steal && ifAvailable) throw fail('NotSupportedError', "The 'steal' and 'ifAvailable' options exclude each other.");
      if (steal && mode !== 'exclusive') throw fail('NotSupportedError', "The 'steal' option needs the mode 'exclusive'.");
      if (signal !== undefined && (steal || ifAvailable)) {
        throw fail('NotSupportedError', "The 'signal' option excludes 'steal' and 'ifAvailable'.");
      }
      if (signal !== undefined && internals.isAborted(signal)) throw internals.abortReason(signal);
      const found = line(called);
      if (ifAvailable && (found.wanted.length > 0 || !isFree(found, mode))) return await P.apply(callback, undefined, [null]);
      return await new P.Promise((resolve, reject) => {
        const wanted = { __proto__: null, name: called, mode, callback, resolve, reject };
        if (steal) {
          for (let i = 0; i < found.held.length; i++) {
            found.held[i].reject(fail('AbortError', "Lock broken by another request with the 'steal' option."));
          }
          found.held.length = 0;
          P.ArraySplice(found.wanted, 0, 0, wanted);
        } else {
          internals.append(found.wanted, wanted);
        }
        if (signal !== undefined) {
          internals.onAbort(signal, () => {
            // Once the lock is held, the signal is not heard any more.
            if (!P.ArrayIncludes(found.wanted, wanted)) return;
            remove(found.wanted, wanted);
            reject(internals.abortReason(signal));
            grant(found);
          });
        }
        grant(found);
      });
    }
    async query() {
      const held = [];
      const pending = [];
      P.MapForEach(locks, (found) => {
        list(found.held, held);
        list(found.wanted, pending);
      });
      return { held, pending };
    }
  }

  const parts = {
    storage: new StorageManager(TOKEN),
    permissions: new Permissions(TOKEN),
    connection: new NetworkInformation(TOKEN),
    locks: new LockManager(TOKEN),
    userAgentData: new NavigatorUAData(TOKEN),
  };
  const agent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${VERSION}.0.0.0 Safari/537.36`;
  const languages = P.Object_freeze(['en-US', 'en']);

  class WorkerNavigator {
    constructor(token) {
      only(token);
    }
    get appCodeName() {
      return 'Mozilla';
    }
    get appName() {
      return 'Netscape';
    }
    get appVersion() {
      return P.StringSlice(agent, 8);
    }
    get product() {
      return 'Gecko';
    }
    get userAgent() {
      return agent;
    }
    get platform() {
      return 'Linux x86_64';
    }
    get language() {
      return languages[0];
    }
    get languages() {
      return languages;
    }
    get onLine() {
      return internals.isOnline?.() ?? true;
    }
    get hardwareConcurrency() {
      return 4;
    }
    get deviceMemory() {
      return 8;
    }
    get storage() {
      return parts.storage;
    }
    get permissions() {
      return parts.permissions;
    }
    get connection() {
      return parts.connection;
    }
    get locks() {
      return parts.locks;
    }
    get userAgentData() {
      return parts.userAgentData;
    }
    async setAppBadge() {}
    async clearAppBadge() {}
  }

  publish({
    StorageManager,
    PermissionStatus,
    Permissions,
    NetworkInformation,
    NavigatorUAData,
    Lock,
    LockManager,
    WorkerNavigator,
  });
  const navigator = new WorkerNavigator(TOKEN);
  provide('navigator', () => navigator);
})
