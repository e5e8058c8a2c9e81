// A small household app as a folder of files: two pages, a page for offline, hashed assets, an unhashed picture.
// A case's worker is put beside them.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PICTURE = (colour) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0h8v8H0z" fill="${colour}"/></svg>\n`;
const STYLE = 'body { font-family: sans-serif; background: #eef; }\n';
// The list of things to do comes from the API; a page says when it has come, so that whoever looks on can wait for it.
const SCRIPT = `fetch('/api/items')
  .then((response) => response.json())
  .then((items) => {
    document.querySelector('ul').innerHTML = items.map((item) => '<li>' + item.what + '</li>').join('');
  })
  .finally(() => document.body.classList.add('filled'));
`;

export const hash = (content, digits = 8) => createHash('sha256').update(content).digest('hex').slice(0, digits);

export function put(root, path, content) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return `/${path}`;
}

// Lays the site into a folder and tells its URLs. `register` is the call that the pages make once everything else of
// theirs is there: nothing of the first visit depends on how fast the worker is.
export function lay(root, { register = "navigator.serviceWorker.register('/sw.js')", assets = 'assets/', digits = 8, separator = '.', worker } = {}) {
  const hashed = (name, extension, content) =>
    put(root, `${assets}${name}${separator}${hash(content, digits)}.${extension}`, content);
  const urls = {
    style: hashed('app', 'css', STYLE),
    script: hashed('app', 'js', SCRIPT),
    hero: hashed('hero', 'svg', PICTURE('teal')),
    logo: put(root, 'img/logo.svg', PICTURE('navy')),
  };
  const page = (title, registers) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${urls.style}">
</head>
<body>
<h1>${title}</h1>
<p><a href="/">Home</a> <a href="/about">About</a></p>
<img src="${urls.logo}" alt=""><img src="${urls.hero}" alt="">
<ul></ul>
<script src="${urls.script}"></script>
${registers ? `<script>
if ('serviceWorker' in navigator) addEventListener('load', function wait() {
  if (!document.body.classList.contains('filled')) return setTimeout(wait, 10);
  ${register};
});
</script>
` : ''}</body>
</html>
`;
  put(root, 'index.html', page('Things to do', true));
  put(root, 'about.html', page('About', false));
  put(root, 'offline.html', '<!doctype html>\n<meta charset="utf-8">\n<title>Offline</title>\n<h1>There is no network</h1>\n');
  put(root, '404.html', '<!doctype html>\n<meta charset="utf-8">\n<title>Not here</title>\n<h1>There is no such page</h1>\n');
  if (worker) put(root, 'sw.js', typeof worker === 'function' ? worker(urls) : worker);
  return urls;
}
