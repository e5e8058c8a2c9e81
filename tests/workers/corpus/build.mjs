// Makes the sites: `node build.mjs PUBLISHED SITES`, where PUBLISHED holds the packages of the file `published`. Each
// worker is made by the tool that people make it with, in the recipe that its case names, or copied as it is published.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import esbuild from 'esbuild';
import { injectManifest as serwistManifest } from '@serwist/build';
import { build as vite } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { generateSW, injectManifest } from 'workbox-build';
import { lay, put } from './src/site.mjs';

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const [published, sites] = process.argv.slice(2);
const source = (name) => readFileSync(join(here, 'src', name), 'utf8');
const package_ = (name) => join(published, name);
const files = (root) =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();

async function bundle(entry, root, more = {}) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    target: 'es2020',
    nodePaths: [join(here, 'node_modules'), published],
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.PUBLIC_URL': '""' },
    ...more,
  });
  return put(root, 'sw.js', outputFiles[0].text);
}

const recipesFolder = process.env.RECIPES;
const advice = (name) => readFileSync(join(recipesFolder, name), 'utf8');
// Under a name that makes a module of it, whatever package.json is near.
async function advised(name) {
  const module = join(here, `advised-${name.replace(/\.js$/, '.mjs')}`);
  copyFileSync(join(recipesFolder, name), module);
  return import(pathToFileURL(module));
}

async function angular(root, config) {
  lay(root, { assets: '', separator: '-', register: "navigator.serviceWorker.register('/ngsw-worker.js')" });
  const { Generator } = await import(pathToFileURL(join(package_('@angular/service-worker'), 'fesm2022/config.mjs')));
  const fs = {
    list: async () => files(root).map((file) => `/${file}`),
    read: async (file) => readFileSync(join(root, file), 'utf8'),
    hash: async (file) => createHash('sha1').update(readFileSync(join(root, file))).digest('hex'),
    write: async () => {},
  };
  const control = await new Generator(fs, '/').process(config);
  // The time of the build is part of the file and of nothing else.
  put(root, 'ngsw.json', JSON.stringify({ ...control, timestamp: 1732200000000 }, null, 2));
  copyFileSync(join(package_('@angular/service-worker'), 'ngsw-worker.js'), join(root, 'ngsw-worker.js'));
}

// A SvelteKit app with that worker, prerendered by its own build.
async function svelteKit(root, worker) {
  const from = `${root}-source`;
  put(from, 'package.json', JSON.stringify({ private: true, type: 'module' }));
  put(from, 'svelte.config.js', `import adapter from '@sveltejs/adapter-static';
export default { kit: { adapter: adapter({ pages: ${JSON.stringify(root)}, assets: ${JSON.stringify(root)} }), version: { name: '1732200000000' } } };
`);
  put(from, 'src/app.html', '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n%sveltekit.head%\n</head>\n<body>\n<div>%sveltekit.body%</div>\n</body>\n</html>\n');
  put(from, 'src/routes/+layout.js', 'export const prerender = true;\n');
  put(from, 'src/routes/+page.svelte', '<h1>Things to do</h1>\n<p><a href="/about">About</a></p>\n<img src="/img/logo.svg" alt="">\n<style>h1 { color: teal; }</style>\n');
  put(from, 'src/routes/about/+page.svelte', '<h1>About</h1>\n<p><a href="/">Home</a></p>\n');
  put(from, 'src/service-worker.js', worker);
  put(from, 'static/img/logo.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0h8v8H0z" fill="navy"/></svg>\n');
  symlinkSync(join(here, 'node_modules'), join(from, 'node_modules'));
  // In a process of its own: it looks for its configuration where it runs.
  execFileSync(process.execPath, [join(here, 'node_modules/vite/bin/vite.js'), 'build', '--config', put(from, 'vite.config.js', `import { sveltekit } from '@sveltejs/kit/vite';
export default { logLevel: 'warn', plugins: [sveltekit()] };
`).slice(1)], { cwd: from, stdio: 'inherit', env: { ...process.env, NODE_ENV: 'production' } });
  rmSync(from, { recursive: true });
}

const workbox = (root, options) => generateSW({ globDirectory: root, swDest: join(root, 'sw.js'), ...options });
const HASHED = /\.[0-9a-f]{8}\.(css|js|svg)$/;

const recipes = {
  async 'workbox-hashed'(root) {
    lay(root);
    await workbox(root, { globPatterns: ['assets/**'], dontCacheBustURLsMatching: HASHED, skipWaiting: true, clientsClaim: true });
  },
  async 'workbox-hashed-revised'(root) {
    lay(root);
    await workbox(root, { globPatterns: ['assets/**'] });
  },
  async 'workbox-shell'(root) {
    lay(root);
    await workbox(root, { navigateFallback: '/index.html', dontCacheBustURLsMatching: HASHED });
  },
  async 'workbox-pictures'(root) {
    lay(root);
    await workbox(root, { globPatterns: ['assets/**', 'img/**'], dontCacheBustURLsMatching: HASHED });
  },
  async 'workbox-runtime'(root) {
    lay(root);
    await workbox(root, {
      globPatterns: ['assets/app.*'],
      dontCacheBustURLsMatching: HASHED,
      skipWaiting: true,
      clientsClaim: true,
      runtimeCaching: [
        { urlPattern: ({ request }) => request.mode === 'navigate', handler: 'NetworkFirst', options: { cacheName: 'pages', networkTimeoutSeconds: 3 } },
        { urlPattern: /\.(?:css|js)$/, handler: 'StaleWhileRevalidate', options: { cacheName: 'code' } },
        {
          urlPattern: /\.(?:png|svg|jpg)$/,
          handler: 'CacheFirst',
          options: { cacheName: 'pictures', expiration: { maxEntries: 50, maxAgeSeconds: 30 * 24 * 3600 }, cacheableResponse: { statuses: [0, 200] } },
        },
        { urlPattern: /\/api\//, handler: 'NetworkOnly', method: 'GET' },
        { urlPattern: /\/api\//, handler: 'NetworkOnly', method: 'POST', options: { backgroundSync: { name: 'later', options: { maxRetentionTime: 24 * 60 } } } },
      ],
    });
  },
  async 'workbox-revalidated-pages'(root) {
    lay(root);
    await workbox(root, {
      globPatterns: ['assets/**'],
      dontCacheBustURLsMatching: HASHED,
      navigationPreload: true,
      runtimeCaching: [{ urlPattern: ({ request }) => request.mode === 'navigate', handler: 'StaleWhileRevalidate', options: { cacheName: 'pages' } }],
    });
  },
  async 'workbox-recipes'(root) {
    lay(root);
    await bundle(join(here, 'src/recipes.js'), root);
  },
  async 'workbox-offline-page'(root) {
    lay(root);
    await bundle(join(here, 'src/offline.js'), root);
  },
  async 'workbox-loader'(root) {
    lay(root, { worker: source('loader.js') });
    for (const name of ['sw', 'core', 'routing', 'strategies', 'expiration', 'cacheable-response']) {
      const from = dirname(require.resolve(`workbox-${name}/package.json`));
      const file = `workbox-${name}${name === 'sw' ? '' : '.prod'}.js`;
      put(root, `workbox/${file}`, readFileSync(join(from, 'build', file)));
    }
  },
  async 'create-react-app'(root) {
    lay(root);
    await bundle(join(here, 'node_modules/cra-template-pwa/template/src/service-worker.js'), root);
    await injectManifest({
      swSrc: join(root, 'sw.js'),
      swDest: join(root, 'sw.js'),
      globDirectory: root,
      globPatterns: ['index.html', 'assets/**'],
      dontCacheBustURLsMatching: HASHED,
    });
  },
  async 'vite-pwa'(root) {
    await app(root, { registerType: 'autoUpdate' });
  },
  async 'vite-pwa-hashed'(root) {
    await app(root, {
      registerType: 'autoUpdate',
      injectRegister: 'inline',
      manifest: false,
      workbox: { globPatterns: ['assets/**'], navigateFallback: null },
    });
  },
  async ngsw(root) {
    // The first two groups are what `ng add @angular/pwa` writes; the third is the guide's example of an API.
    await angular(root, {
      index: '/index.html',
      assetGroups: [
        { name: 'app', installMode: 'prefetch', resources: { files: ['/favicon.ico', '/index.csr.html', '/index.html', '/manifest.webmanifest', '/*.css', '/*.js'] } },
        { name: 'assets', installMode: 'lazy', updateMode: 'prefetch', resources: { files: ['/**/*.(svg|cur|jpg|jpeg|png|apng|webp|avif|gif|otf|ttf|woff|woff2)'] } },
      ],
      dataGroups: [{ name: 'api', urls: ['/api/**'], cacheConfig: { strategy: 'freshness', maxSize: 20, maxAge: '1h', timeout: '5s' } }],
    });
  },
  async sveltekit(root) {
    lay(root, {
      assets: '_app/immutable/',
      worker: (urls) => {
        const lists = { VERSION: '1732200000000', BUILD: [urls.style, urls.script, urls.hero], FILES: [urls.logo] };
        return Object.entries(lists).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};\n`).join('') + source('sveltekit.js');
      },
    });
  },
  async 'next-pwa'(root) {
    lay(root, { assets: '_next/static/' });
    const startUrl = {
      urlPattern: '/',
      handler: 'NetworkFirst',
      options: {
        cacheName: 'start-url',
        plugins: [
          {
            cacheWillUpdate: async ({ response }) =>
              response && response.type === 'opaqueredirect'
                ? new Response(response.body, { status: 200, statusText: 'OK', headers: response.headers })
                : response,
          },
        ],
      },
    };
    await workbox(root, {
      globPatterns: ['_next/static/**', 'img/**'],
      dontCacheBustURLsMatching: HASHED,
      skipWaiting: true,
      clientsClaim: true,
      cleanupOutdatedCaches: true,
      runtimeCaching: [startUrl, ...require(join(package_('next-pwa'), 'cache.js'))],
    });
  },
  async serwist(root) {
    lay(root, { assets: '_next/static/' });
    await bundle(join(here, 'src/serwist.ts'), root, { alias: { '@serwist/next/worker': join(package_('@serwist/next'), 'dist/index.worker.js') } });
    await serwistManifest({
      swSrc: join(root, 'sw.js'),
      swDest: join(root, 'sw.js'),
      globDirectory: root,
      globPatterns: ['_next/static/**', 'img/**'],
      dontCacheBustURLsMatching: HASHED,
    });
  },
  async 'sw-precache'(root) {
    lay(root);
    await precache(root, { staticFileGlobs: [`${root}/*.html`, `${root}/assets/**`], navigateFallback: '/index.html' });
  },
  async 'sw-precache-hashed'(root) {
    lay(root);
    await precache(root, { staticFileGlobs: [`${root}/assets/**`], dontCacheBustUrlsMatching: HASHED, directoryIndex: '' });
  },
  async firebase(root) {
    lay(root, { register: "navigator.serviceWorker.register('/firebase-messaging-sw.js')" });
    put(root, 'firebase-messaging-sw.js', source('firebase.js'));
    for (const name of ['firebase-app-compat.js', 'firebase-messaging-compat.js']) {
      put(root, `firebase/${name}`, readFileSync(join(package_('firebase'), name)));
    }
  },
  async braze(root) {
    lay(root, { worker: readFileSync(join(package_('@braze/service-worker'), 'service-worker.js')) });
  },
  async push(root) {
    const register = "navigator.serviceWorker.register('/push/worker.js?appId=0123-4567', { scope: '/push/' })";
    lay(root, { register });
    put(root, 'push/worker.js', source('push.js'));
  },
  async 'push-elsewhere'(root) {
    lay(root, { worker: source('elsewhere.js') });
  },
  async 'query-keeps'(root) {
    lay(root, { worker: source('query.js'), register: "navigator.serviceWorker.register('/sw.js?pages=keep')" });
  },
  async 'query-lets-go'(root) {
    lay(root, { worker: source('query.js'), register: "navigator.serviceWorker.register('/sw.js?pages=let-go')" });
  },
  async module(root) {
    lay(root, { worker: source('module.js'), register: "navigator.serviceWorker.register('/sw.js', { type: 'module' })" });
    put(root, 'worker/keep.mjs', source('keep.mjs'));
  },
  async message(root) {
    lay(root, { worker: source('message.js') });
  },
  async throws(root) {
    lay(root, { worker: source('throws.js') });
  },
  async 'coi-serviceworker'(root) {
    lay(root, { register: "navigator.serviceWorker.register('/coi-serviceworker.js')" });
    copyFileSync(join(package_('coi-serviceworker'), 'coi-serviceworker.js'), join(root, 'coi-serviceworker.js'));
  },
  async msw(root) {
    lay(root, { register: "navigator.serviceWorker.register('/mockServiceWorker.js')" });
    copyFileSync(join(package_('msw'), 'lib/mockServiceWorker.js'), join(root, 'mockServiceWorker.js'));
  },
  async 'home-assistant'(root) {
    const from = join(package_('home-assistant-frontend'), 'hass_frontend');
    const worker = readFileSync(join(from, 'sw-modern.js'), 'utf8');
    const kept = [...worker.matchAll(/"url":"([^"]+)"/g)].map((found) => found[1]);
    for (const file of ['sw-modern.js', ...kept]) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      copyFileSync(join(from, file), join(root, file));
    }
    // Its own page is a template that needs the whole of Home Assistant behind it; this one refers to the same files.
    const [core] = kept.filter((file) => /\/core\.[0-9a-f]+\.js$/.test(file));
    put(root, 'index.html', `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Home</title>
<link rel="icon" href="data:,">
<link rel="modulepreload" href="/${core}">
</head>
<body>
<h1>Home</h1>
<p><a href="/lovelace">Overview</a></p>
<img src="/static/icons/favicon-192x192.png" alt="">
<script>
fetch('/api/items').then((response) => response.json()).finally(() => document.body.classList.add('filled'));
addEventListener('load', function wait() {
  if (!document.body.classList.contains('filled')) return setTimeout(wait, 10);
  navigator.serviceWorker.register('/sw-modern.js');
});
</script>
</body>
</html>
`);
    put(root, 'lovelace.html', readFileSync(join(root, 'index.html')));
  },
  // What docs/recipes/ advises, built by the tool that it is for.
  async 'advised-vite-pwa'(root) {
    const { plugin } = await advised('vite-plugin-pwa.js');
    await app(root, plugin);
  },
  async 'advised-vite-pwa-inject'(root) {
    const { plugin } = await advised('vite-plugin-pwa-inject.js');
    await app(root, plugin, { 'src/sw.js': advice('workbox-sw.js') });
  },
  async 'advised-workbox'(root) {
    lay(root);
    await workbox(root, (await advised('workbox-config.js')).default);
  },
  async 'advised-workbox-inject'(root) {
    lay(root);
    await bundle(join(recipesFolder, 'workbox-sw.js'), root);
    const { globPatterns, dontCacheBustURLsMatching } = (await advised('workbox-config.js')).default;
    await injectManifest({ swSrc: join(root, 'sw.js'), swDest: join(root, 'sw.js'), globDirectory: root, globPatterns, dontCacheBustURLsMatching });
  },
  async 'advised-sveltekit'(root) {
    await svelteKit(root, advice('sveltekit-service-worker.js'));
  },
  async 'advised-ngsw'(root) {
    await angular(root, JSON.parse(advice('ngsw-config.json')));
  },
  async 'advised-by-hand'(root) {
    lay(root, { worker: advice('by-hand.js') });
  },
  // The site for workers that the project has itself: names as its own releases hash them.
  async dashboard(root) {
    lay(root);
  },
  async demo(root) {
    lay(root, { digits: 16 });
    for (const page of ['chores', 'medicine', 'shopping']) put(root, `${page}.html`, readFileSync(join(root, 'about.html')));
  },
};

// A Vite app with the plugin: one page, one script that it bundles, a picture that it hashes, one that it doesn't.
async function app(root, pwa, more = {}) {
  const from = `${root}-source`;
  mkdirSync(from, { recursive: true });
  for (const [file, content] of Object.entries(more)) put(from, file, content);
  symlinkSync(join(here, 'node_modules'), join(from, 'node_modules'));
  put(from, 'index.html', '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Things to do</title>\n<link rel="icon" href="data:,">\n</head>\n<body>\n<h1>Things to do</h1>\n<p><a href="/about">About</a></p>\n<img src="/img/logo.svg" alt="">\n<ul></ul>\n<script type="module" src="/main.js"></script>\n</body>\n</html>\n');
  put(from, 'main.js', "import './style.css';\nfetch('/api/items')\n  .then((response) => response.json())\n  .then((items) => { document.querySelector('ul').textContent = items.map((item) => item.what).join(', '); })\n  .finally(() => document.body.classList.add('filled'));\n");
  put(from, 'style.css', 'body { font-family: sans-serif; }\n');
  put(from, 'public/img/logo.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><path d="M0 0h8v8H0z" fill="navy"/></svg>\n');
  await vite({
    root: from,
    logLevel: 'warn',
    configFile: false,
    build: { outDir: root, emptyOutDir: true },
    plugins: [VitePWA({ manifest: { name: 'Things to do', short_name: 'Things', theme_color: '#008080', icons: [] }, ...pwa })],
  });
  rmSync(from, { recursive: true });
}

async function precache(root, options) {
  const write = require('sw-precache').write;
  await write(join(root, 'sw.js'), { cacheId: basename(root), stripPrefix: root, logger: () => {}, ...options });
}

const only = process.env.ONLY?.split(',');
for (const [name, make] of Object.entries(recipes)) {
  if (only && !only.includes(name)) continue;
  const root = join(sites, name);
  mkdirSync(root, { recursive: true });
  await make(root);
  console.log(`${name}: ${files(root).length} files`);
}
