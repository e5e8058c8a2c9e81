// vite.config.js: hashed files only. The web manifest is a file of yours, public/manifest.webmanifest, and index.html
// has <link rel="manifest" href="/manifest.webmanifest">: the plugin would precache one that it makes.
export const plugin = {
  manifest: false,
  workbox: { globPatterns: ['assets/**/*.{js,css,woff2}'], navigateFallback: null },
};
