// What Workbox's documentation calls recipes, in their defaults.
import { offlineFallback, pageCache, staticResourceCache, imageCache } from 'workbox-recipes';

pageCache();
staticResourceCache();
imageCache();
offlineFallback({ pageFallback: '/offline.html' });
