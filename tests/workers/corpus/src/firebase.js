// The worker that Firebase's guide has people write, with the scripts served from the app itself.
importScripts('/firebase/firebase-app-compat.js');
importScripts('/firebase/firebase-messaging-compat.js');

firebase.initializeApp({
  apiKey: 'a-key',
  projectId: 'a-household',
  messagingSenderId: '123456789012',
  appId: '1:123456789012:web:0123456789abcdef',
});

const messaging = firebase.messaging();
messaging.onBackgroundMessage((payload) => {
  self.registration.showNotification(payload.notification?.title ?? 'News', { body: payload.notification?.body });
});
