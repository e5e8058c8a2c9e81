// next.config.mjs, for next-pwa: files of the build only, none of public/ (the exclamation mark excludes), and none of
// the default rules for pages, data and pictures.
export const pwa = {
  dest: 'public',
  publicExcludes: ['!**/*'],
  // Newer versions of Next.js have manifests among their files that no server hands out.
  buildExcludes: [/-manifest\.json$/],
  cacheStartUrl: false,
  dynamicStartUrl: false,
  runtimeCaching: [
    {
      urlPattern: /\/_next\/static\/.+/,
      handler: 'CacheFirst',
      options: { cacheName: 'next-static' },
    },
  ],
};
