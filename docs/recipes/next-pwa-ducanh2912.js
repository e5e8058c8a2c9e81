// next.config.mjs, for @ducanh2912/next-pwa: the same; the options of Workbox are in an object of their own.
export const pwa = {
  dest: 'public',
  publicExcludes: ['!**/*'],
  cacheStartUrl: false,
  dynamicStartUrl: false,
  workboxOptions: {
    exclude: [/\.map$/, /-manifest\.json$/],
    runtimeCaching: [
      {
        urlPattern: /\/_next\/static\/.+/,
        handler: 'CacheFirst',
        options: { cacheName: 'next-static' },
      },
    ],
  },
};
