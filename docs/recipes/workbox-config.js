// workbox-config.js, for `workbox generateSW`: hashed files only, under their own URLs, and no pages.
export default {
  globPatterns: ['assets/**/*.{js,css,woff2}'],
  dontCacheBustURLsMatching: /^assets\//,
  navigateFallback: null,
  runtimeCaching: [],
};
