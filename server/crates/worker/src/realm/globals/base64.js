// atob and btoa (HTML, section 8.3): texts whose code units are bytes.
(function (host, internals) {
  'use strict';
  const { P, DOMException } = internals;
  const isByte = /^[\0-\xff]*$/;
  const refuse = (name, why) => {
    throw new DOMException(`Failed to execute '${name}' on 'WorkerGlobalScope': ${why}`, 'InvalidCharacterError');
  };

  internals.operation('btoa', function btoa(data) {
    internals.need(arguments.length, 1, "Failed to execute 'btoa' on 'WorkerGlobalScope'");
    const text = `${data}`;
    if (P.RegExpExec(isByte, text) === null) refuse('btoa', 'the text has characters outside of Latin1.');
    const bytes = new P.Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = P.StringCharCodeAt(text, at);
    return host.toBase64(bytes);
  });
  internals.operation('atob', function atob(data) {
    internals.need(arguments.length, 1, "Failed to execute 'atob' on 'WorkerGlobalScope'");
    const text = `${data}`;
    const bytes = P.RegExpExec(isByte, text) === null ? null : host.fromBase64(text);
    if (!bytes) refuse('atob', 'the text is not correctly encoded.');
    return host.binaryString(bytes);
  });
})
