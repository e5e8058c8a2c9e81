// Globals that a current browser has in a service worker and that are not here. Whatever an earlier file or the engine
// has is left alone, so a name leaves the lists below by being implemented. Two kinds:
// - what every current browser has (`everywhere`) is there for `typeof` and `in`, its members too, so that a feature
//   test turns out as it does in any browser. Calling, constructing or changing it throws, and is noted;
// - what only some browsers have (`somewhere`): which way a feature test turns out depends on the browser, so the
//   test itself is noted already. Reading the global is seen here; `'X' in self` and `Object.hasOwn` are found in
//   the source (asked.rs).
// Noted means that the verdict is `cannot-evaluate` and names it.
//
// The names are those with `Exposed=` ServiceWorker, Worker or * in the specifications, and in ECMA-262 and ECMA-402.
// Adds to internals: miss(name), which notes and throws, noteMissed(name), stub(name) -> what throws when it is used,
// watchOwnChecks() for surface.js.
(function (host, internals) {
  'use strict';
  const { P } = internals;
  const Proxy = globalThis.Proxy;
  const missed = new P.Set();
  internals.noteMissed = (name) => {
    if (P.SetHas(missed, name)) return;
    P.SetAdd(missed, name);
    internals.note({ __proto__: null, fact: 'missed', name });
  };
  internals.miss = (name) => {
    internals.noteMissed(name);
    const error = new P.ReferenceError(`${name} is not here`);
    P.WeakMapSet(internals.missing, error, name);
    throw error;
  };
  const stub = (name, target, members) => {
    if (typeof target === 'function') {
      P.defineProperty(target, 'name', {
        __proto__: null, value: P.StringSlice(name, P.StringLastIndexOf(name, '.') + 1), configurable: true,
      });
    }
    const miss = () => internals.miss(name);
    const known = new P.Map();
    return new Proxy(target, {
      __proto__: null,
      apply: miss,
      construct: miss,
      set: miss,
      get: (of, key) => {
        if (!P.ArrayIncludes(members, key)) return of[key];
        if (!P.MapHas(known, key)) P.MapSet(known, key, stub(`${name}.${key}`, function () {}, []));
        return P.MapGet(known, key);
      },
      has: (of, key) => P.ArrayIncludes(members, key) || key in of,
    });
  };
  internals.stub = (name) => stub(name, function () {}, []);
  // The engine has it, and no browser gives it to a page or worker that is not cross-origin isolated.
  delete globalThis.SharedArrayBuffer;
  // The engine has it, as Firefox does and others do not.
  delete globalThis.InternalError;
  const isHere = (name) => P.Object_getOwnPropertyDescriptor(globalThis, name) !== undefined;

  const everywhere = ['WebSocket', 'CloseEvent', 'OffscreenCanvas', 'OffscreenCanvasRenderingContext2D', 'CanvasGradient',
    'CanvasPattern', 'TextMetrics', 'createImageBitmap', 'ImageData', 'ImageBitmap', 'ImageBitmapRenderingContext',
    'Path2D', 'DOMMatrix', 'DOMMatrixReadOnly', 'DOMPoint', 'DOMPointReadOnly', 'DOMRect', 'DOMRectReadOnly', 'DOMQuad',
    'MessagePort', 'MessageChannel', 'BroadcastChannel', 'CryptoKey', 'FileReader', 'FileList',
    'IDBFactory', 'Notification', 'WebGLRenderingContext', 'WebGL2RenderingContext', 'WebGLActiveInfo', 'WebGLBuffer',
    'WebGLContextEvent', 'WebGLFramebuffer', 'WebGLProgram', 'WebGLQuery', 'WebGLRenderbuffer', 'WebGLSampler',
    'WebGLShader', 'WebGLShaderPrecisionFormat', 'WebGLSync', 'WebGLTexture', 'WebGLTransformFeedback',
    'WebGLUniformLocation', 'WebGLVertexArrayObject', 'FileSystemHandle', 'FileSystemFileHandle',
    'FileSystemDirectoryHandle', 'FileSystemWritableFileStream', 'DOMStringList'];
  const spaces = {
    __proto__: null,
    WebAssembly: ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception', 'JSTag', 'CompileError',
      'LinkError', 'RuntimeError', 'validate', 'compile', 'compileStreaming', 'instantiate', 'instantiateStreaming'],
  };
  const somewhere = [
    // ECMAScript, where the engine lacks it.
    'AsyncDisposableStack', 'DisposableStack', 'SuppressedError', 'Float16Array', 'FinalizationRegistry', 'WeakRef',
    'Iterator', 'Temporal', 'Atomics', 'escape', 'unescape', 'InternalError',
    // DOM, HTML, Streams, URL, Encoding, Compression, Fetch, File API.
    'Observable', 'Subscriber', 'ProgressEvent', 'CompressionStream', 'DecompressionStream', 'URLPattern', 'EventSource', 'FontFace',
    'FontFaceSet', 'FontFaceSetLoadEvent', 'fonts', 'ReadableByteStreamController', 'ReadableStreamBYOBReader',
    'ReadableStreamBYOBRequest', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'TextDecoderStream',
    'TextEncoderStream', 'QuotaExceededError', 'Origin', 'UserActivation', 'fetchLater', 'FetchLaterResult',
    'WebSocketStream', 'WebSocketError', 'FileReaderSync', 'ReportBody', 'ReportingObserver', 'Report',
    'SecurityPolicyViolationEvent', 'CSPViolationReportBody',
    // Scheduling, Trusted Types, performance.
    'scheduler', 'Scheduler', 'TaskController', 'TaskPriorityChangeEvent', 'TaskSignal', 'trustedTypes', 'TrustedHTML',
    'TrustedScript', 'TrustedScriptURL', 'TrustedTypePolicy', 'TrustedTypePolicyFactory', 'PerformanceEntry',
    'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver', 'PerformanceObserverEntryList',
    'PerformanceResourceTiming', 'PerformanceServerTiming', 'PerformanceTiming', 'TaskAttributionTiming',
    // Service workers and what hangs on a registration.
    'BackgroundFetchEvent', 'BackgroundFetchManager', 'BackgroundFetchRecord', 'BackgroundFetchRegistration',
    'BackgroundFetchUpdateUIEvent', 'CanMakePaymentEvent', 'PaymentRequestEvent', 'PaymentManager',
    'PaymentInstruments', 'ContentIndex', 'ContentIndexEvent', 'CookieStore', 'CookieStoreManager', 'CookieChangeEvent',
    'ExtendableCookieChangeEvent', 'cookieStore', 'PushSubscriptionChangeEvent', 'PushSubscriptionOptions',
    'PeriodicSyncEvent', 'PeriodicSyncManager', 'SyncManager', 'SyncEvent', 'NavigationPreloadManager',
    'AbortPaymentEvent', 'InterestGroupScriptRunnerGlobalScope', 'ServiceWorkerContainer',
    // Devices, storage, network, media.
    'StorageBucket', 'StorageBucketManager', 'FileSystemObserver', 'FileSystemSyncAccessHandle', 'NetworkInformation',
    'NavigatorUAData', 'IdleDetector', 'MediaCapabilities', 'BarcodeDetector', 'WebTransport',
    'WebTransportBidirectionalStream', 'WebTransportDatagramDuplexStream', 'WebTransportDatagramsWritable',
    'WebTransportError', 'WebTransportReceiveStream', 'WebTransportSendStream', 'HID', 'HIDDevice',
    'HIDConnectionEvent', 'HIDInputReportEvent', 'USB', 'USBDevice', 'USBConnectionEvent', 'USBConfiguration',
    'USBInterface', 'USBAlternateInterface', 'USBEndpoint', 'USBInTransferResult', 'USBOutTransferResult',
    'USBIsochronousInTransferPacket', 'USBIsochronousInTransferResult', 'USBIsochronousOutTransferPacket',
    'USBIsochronousOutTransferResult', 'Serial', 'SerialPort', 'PressureObserver', 'PressureRecord', 'CropTarget',
    'RTCEncodedAudioFrame', 'RTCEncodedVideoFrame', 'RTCDataChannel', 'VideoFrame', 'VideoColorSpace', 'AudioData',
    'EncodedAudioChunk', 'EncodedVideoChunk', 'ImageDecoder', 'ImageTrack', 'ImageTrackList', 'MediaSource',
    'Translator', 'LanguageDetector', 'CreateMonitor', 'RestrictionTarget', 'IDBRecord', 'Summarizer', 'WorkletGlobalScope', 'SharedStorage', 'LaunchParams',
    // Canvas, WebGL, WebGPU, CSS.
    'WebGLObject', 'CanvasFilter', 'CSSNumericValue', 'CSSStyleValue', 'CSSUnitValue', 'CSSKeywordValue',
    'CSSUnparsedValue', 'CSSVariableReferenceValue', 'CSSMathValue', 'CSSMathSum', 'CSSMathProduct', 'CSSMathNegate',
    'CSSMathInvert', 'CSSMathMin', 'CSSMathMax', 'CSSMathClamp', 'CSSNumericArray', 'CSSTransformValue',
    'CSSTransformComponent', 'CSSTranslate', 'CSSRotate', 'CSSScale', 'CSSSkew', 'CSSSkewX', 'CSSSkewY',
    'CSSPerspective', 'CSSMatrixComponent', 'CSSImageValue', 'CSSColorValue', 'StylePropertyMapReadOnly', 'GPU', 'GPUAdapter',
    'GPUAdapterInfo', 'GPUBindGroup', 'GPUBindGroupLayout', 'GPUBuffer', 'GPUBufferUsage', 'GPUCanvasContext',
    'GPUColorWrite', 'GPUCommandBuffer', 'GPUCommandEncoder', 'GPUCompilationInfo', 'GPUCompilationMessage',
    'GPUComputePassEncoder', 'GPUComputePipeline', 'GPUDevice', 'GPUDeviceLostInfo', 'GPUError', 'GPUExternalTexture',
    'GPUInternalError', 'GPUMapMode', 'GPUOutOfMemoryError', 'GPUPipelineError', 'GPUPipelineLayout', 'GPUQuerySet',
    'GPUQueue', 'GPURenderBundle', 'GPURenderBundleEncoder', 'GPURenderPassEncoder', 'GPURenderPipeline', 'GPUSampler',
    'GPUShaderModule', 'GPUShaderStage', 'GPUSupportedFeatures', 'GPUSupportedLimits', 'GPUTexture', 'GPUTextureUsage',
    'GPUTextureView', 'GPUUncapturedErrorEvent', 'GPUValidationError', 'WGSLLanguageFeatures',
  ];
  // Interfaces and namespaces are objects; attributes and functions that start in lower case are too, to be called.
  for (let at = 0; at < everywhere.length; at++) {
    const name = everywhere[at];
    if (!isHere(name)) internals.define(name, stub(name, function () {}, []));
  }
  for (let at = 0, names = P.ownKeys(spaces); at < names.length; at++) {
    if (!isHere(names[at])) internals.define(names[at], stub(names[at], {}, spaces[names[at]]));
  }
  const absent = [];
  for (let at = 0; at < somewhere.length; at++) {
    const name = somewhere[at];
    if (isHere(name)) continue;
    internals.append(absent, name);
    const value = stub(name, function () {}, []);
    P.defineProperty(globalThis, name, {
      __proto__: null,
      get() {
        internals.noteMissed(name);
        return value;
      },
      // A worker may bring its own.
      set(own) {
        P.defineProperty(globalThis, name, {
          __proto__: null, value: own, writable: true, enumerable: true, configurable: true,
        });
      },
      enumerable: false,
      configurable: true,
    });
  }
  // Members of interfaces that are here otherwise.
  const members = {
    __proto__: null,
    WorkerNavigator: ['connection', 'deviceMemory', 'userAgentData', 'mediaCapabilities', 'gpu', 'storageBuckets', 'usb',
      'serial', 'hid', 'globalPrivacyControl', 'setAppBadge', 'clearAppBadge', 'webdriver'],
    ServiceWorkerRegistration: ['backgroundFetch', 'cookies', 'index', 'paymentManager', 'periodicSync', 'sync'],
    StorageManager: ['getDirectory'],
    Request: ['isReloadNavigation', 'isHistoryNavigation', 'duplex', 'targetAddressSpace', 'textStream'],
    Response: ['textStream'],
    Blob: ['textStream'],
    File: ['lastModifiedDate'],
    FetchEvent: ['isReload'],
    MessageEvent: ['userActivation'],
    IDBVersionChangeEvent: ['dataLoss', 'dataLossMessage'],
    SubtleCrypto: ['decapsulateBits', 'decapsulateKey', 'encapsulateBits', 'encapsulateKey', 'getPublicKey'],
    Performance: ['setResourceTimingBufferSize', 'clearResourceTimings', 'onresourcetimingbufferfull'],
    EventTarget: ['when'],
    Client: ['lifecycleState'],
    WindowClient: ['ancestorOrigins'],
    IDBFactory: ['databases'],
    IDBObjectStore: ['getAllRecords'],
    IDBIndex: ['getAllRecords'],
    IDBTransaction: ['durability', 'commit'],
  };
  for (let at = 0, names = P.ownKeys(members); at < names.length; at++) {
    const face = globalThis[names[at]];
    if (typeof face !== 'function') continue;
    for (let of = 0; of < members[names[at]].length; of++) {
      const key = members[names[at]][of];
      if (P.Object_getOwnPropertyDescriptor(face.prototype, key) !== undefined) continue;
      const name = `${names[at]}.${key}`;
      const value = stub(name, function () {}, []);
      P.defineProperty(face.prototype, key, {
        __proto__: null,
        get() {
          internals.noteMissed(name);
          return value;
        },
        enumerable: true,
        configurable: true,
      });
      internals.append(absent, key);
    }
  }
  host.setMissing(absent);

  // What every browser remembers of the last match (ECMA-262's proposal for legacy RegExp features), and this engine
  // does not.
  for (let at = 0, keys = ['input', '$_', 'lastMatch', '$&', 'lastParen', '$+', 'leftContext', '$`', 'rightContext', "$'",
    '$1', '$2', '$3', '$4', '$5', '$6', '$7', '$8', '$9']; at < keys.length; at++) {
    const key = keys[at];
    if (P.Object_getOwnPropertyDescriptor(P.RegExp, key) !== undefined) continue;
    P.defineProperty(P.RegExp, key, {
      __proto__: null,
      get() {
        internals.noteMissed(`RegExp.${key}`);
        return '';
      },
      set() { internals.noteMissed(`RegExp.${key}`); },
      enumerable: false,
      configurable: true,
    });
  }
  // The engine is ahead of all browsers in these.
  const { Function, ArrayBuffer, Iterator } = globalThis;
  for (let at = 0, keys = ['fileName', 'lineNumber', 'columnNumber']; at < keys.length; at++) {
    delete Function.prototype[keys[at]];
  }
  for (let at = 0, keys = ['immutable', 'sliceToImmutable', 'transferToImmutable']; at < keys.length; at++) {
    delete ArrayBuffer.prototype[keys[at]];
  }
  for (let at = 0, keys = ['chunks', 'windows']; at < keys.length; at++) delete Iterator.prototype[keys[at]];

  // Who lists the global scope's properties sees which of them are accessors that a browser does not have.
  const isGlobal = (object) => object === globalThis;
  const watch = (holder, method) => {
    const original = holder[method];
    const wrapped = {
      [method](object, key) {
        if (isGlobal(object) && P.ArrayIncludes(absent, key)) internals.noteMissed(key);
        return P.apply(original, this, arguments);
      },
    }[method];
    P.defineProperty(wrapped, 'length', { __proto__: null, value: original.length, configurable: true });
    P.defineProperty(holder, method, {
      __proto__: null, value: wrapped, writable: true, enumerable: false, configurable: true,
    });
    internals.disguise(wrapped);
  };
  internals.watchOwnChecks = () => {
    watch(P.Object, 'hasOwn');
    watch(P.Object, 'getOwnPropertyDescriptor');
    watch(Reflect, 'has');
    watch(Reflect, 'getOwnPropertyDescriptor');
    const { hasOwnProperty } = P.Object.prototype;
    const own = {
      hasOwnProperty(key) {
        if ((isGlobal(this) || this === undefined || this === null) && P.ArrayIncludes(absent, key)) {
          internals.noteMissed(key);
        }
        return P.apply(hasOwnProperty, this === undefined || this === null ? globalThis : this, [key]);
      },
    }.hasOwnProperty;
    P.defineProperty(P.Object.prototype, 'hasOwnProperty', {
      __proto__: null, value: own, writable: true, enumerable: false, configurable: true,
    });
    internals.disguise(own);
  };
  const { Reflect } = globalThis;
})
