// vite.config.js: a worker of your own, src/sw.js, that vite-plugin-pwa puts the list into.
export const plugin = {
  strategies: 'injectManifest',
  srcDir: 'src',
  filename: 'sw.js',
  manifest: false,
  injectManifest: { globPatterns: ['assets/**/*.{js,css,woff2}'] },
};
