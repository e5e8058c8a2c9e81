// URL.
(function (host, internals) {
  'use strict';
  internals.isBlob = () => false;
  internals.isForm = () => false;
  internals.isParams = () => false;
})
