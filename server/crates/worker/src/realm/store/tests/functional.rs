//! The registration, the pages and the events that come from elsewhere (Service Workers, sections 3, 4.2 to 4.7).

use super::*;

fn loaded(script: &str) -> Stage {
    let stage = Stage::new(script);
    serve(&stage);
    stage.realm.load().expect("it loads");
    stage
}

#[test]
fn the_workers_state_follows_its_life() {
    let stage = loaded(
        "const say = () => console.log(serviceWorker.state, !!registration.installing, !!registration.waiting, !!registration.active);
         say(); for (const type of ['install', 'activate', 'fetch']) addEventListener(type, say);
         serviceWorker.addEventListener('statechange', () => console.log('now', serviceWorker.state));
         skipWaiting().then((value) => console.log(typeof value));",
    );
    stage.realm.dispatch(&Event::Install).expect("it ends");
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    stage.get("http://a.test/page", Mode::Navigate, "document");
    assert_eq!(
        stage.said(),
        [
            "parsed false false false",
            "undefined",
            "installing true false false",
            "now installing",
            "activating false false true",
            "now activating",
            "now activating",
            "activated false false true",
            "now activated"
        ]
    );
}

#[test]
fn claiming_makes_the_pages_ours() {
    let stage = loaded(
        "const say = async (what) => console.log(what, (await clients.matchAll()).length,
           (await clients.matchAll({ includeUncontrolled: true })).length);
         addEventListener('install', (event) => event.waitUntil(
           clients.claim().catch((error) => console.log(error.name)).then(() => say('install'))));
         addEventListener('activate', (event) => event.waitUntil(clients.claim().then(() => say('activate'))));",
    );
    stage.realm.dispatch(&Event::Install).expect("it ends");
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    assert_eq!(
        stage.said(),
        ["InvalidStateError", "install 0 1", "activate 1 1"]
    );
}

#[test]
fn a_navigation_leaves_one_page_and_leads_to_another() {
    let stage = loaded(
        "addEventListener('fetch', (event) => event.waitUntil((async () => {
           const from = await clients.get(event.clientId); const to = await clients.get(event.resultingClientId);
           console.log(from && from.url, to && to.url, (await clients.matchAll()).map((page) => page.url).join());
         })()));",
    );
    let navigate = |from: Option<&str>, to: Option<&str>| {
        let url = "http://a.test/page";
        stage
            .realm
            .dispatch(&Event::Fetch {
                request: crate::realm::tests::request(url, Mode::Navigate, "document"),
                client: from.map(str::to_owned),
                resulting_client: to.map(str::to_owned),
            })
            .expect("it ends");
    };
    navigate(Some("http://a.test/"), Some("http://a.test/page"));
    navigate(Some("http://a.test/page"), None);
    assert_eq!(
        stage.said(),
        [
            "http://a.test/ http://a.test/page http://a.test/",
            "http://a.test/page undefined http://a.test/page"
        ]
    );
}

#[test]
fn messages_pushes_syncs_and_clicks_arrive_as_their_events() {
    let stage = loaded(
        "addEventListener('message', (event) => console.log(event.data.type, event.source.url, event.origin, event.ports.length));
         self.onpush = (event) => event.waitUntil(registration.showNotification(event.data.json().title, { data: { url: '/x' }, tag: 't' }));
         addEventListener('sync', (event) => console.log(event.tag, event.lastChance));
         addEventListener('periodicsync', (event) => console.log(event.tag));
         addEventListener('notificationclick', (event) => event.waitUntil((async () => {
           event.notification.close();
           console.log(event.notification.data.url, (await registration.getNotifications()).length, (await clients.openWindow('/x')).url);
         })()));
         addEventListener('pushsubscriptionchange', () => console.log('changed'));",
    );
    for event in [
        Event::Message {
            data: serde_json::json!({ "type": "SKIP_WAITING" }),
            client: Some("http://a.test/page".to_owned()),
        },
        Event::Push {
            data: Some(r#"{"title":"News"}"#.to_owned()),
        },
        Event::Sync {
            tag: "s".to_owned(),
        },
        Event::PeriodicSync {
            tag: "p".to_owned(),
        },
        Event::NotificationClick {
            data: serde_json::Value::Null,
        },
        Event::PushSubscriptionChange,
    ] {
        let ended = stage.realm.dispatch(&event).expect("it ends");
        assert_eq!(
            (ended.listeners, ended.rejected, ended.pending),
            (1, None, false),
            "{event:?}"
        );
    }
    assert_eq!(
        stage.said(),
        [
            "SKIP_WAITING http://a.test/page http://a.test 1",
            "s false",
            "p",
            "/x 0 http://a.test/x",
            "changed"
        ]
    );
}

#[test]
fn a_subscription_looks_like_one() {
    let stage = loaded(
        "addEventListener('activate', (event) => event.waitUntil((async () => {
           const { pushManager } = registration;
           console.log(await pushManager.getSubscription());
           const key = new Uint8Array(65); key[0] = 4;
           await pushManager.subscribe({ applicationServerKey: key }).catch((error) => console.log(error.name));
           const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
           const json = JSON.parse(JSON.stringify(made));
           console.log(made.getKey('p256dh').byteLength, json.endpoint === made.endpoint, json.keys.auth.length);
           console.log(made === await pushManager.getSubscription(), await made.unsubscribe(), await pushManager.getSubscription());
         })()));",
    );
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    assert_eq!(
        stage.said(),
        ["null", "NotAllowedError", "65 true 22", "true true null"]
    );
}

#[test]
fn navigation_preload_is_sent_once_it_is_enabled() {
    let stage = loaded(
        "addEventListener('install', (event) => event.waitUntil(
           registration.navigationPreload.enable().catch((error) => console.log(error.name))));
         addEventListener('activate', (event) => event.waitUntil(registration.navigationPreload.enable()));
         addEventListener('fetch', (event) => event.respondWith(event.preloadResponse));",
    );
    stage.realm.dispatch(&Event::Install).expect("it ends");
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    let ended = stage.get("http://a.test/page", Mode::Navigate, "document");
    assert_eq!(stage.said(), ["InvalidStateError"]);
    assert_eq!(ended.answered.expect("an answer").body, b"<p>a page");
    let asked = stage.site.asked.borrow();
    let header = (
        "service-worker-navigation-preload".to_owned(),
        "true".to_owned(),
    );
    assert!(asked.last().expect("a request").headers.contains(&header));
}

#[test]
fn notifications_are_shown_through_the_registration_alone() {
    let stage = loaded(
        "addEventListener('activate', (event) => event.waitUntil((async () => {
           try { new Notification('x'); } catch (error) { console.log(error.name, Notification.permission); }
           await registration.showNotification('one', { tag: 'a', body: 'first' });
           await registration.showNotification('two', { tag: 'a' });
           await registration.showNotification('three');
           console.log((await registration.getNotifications()).map((shown) => shown.title).join());
           console.log((await registration.getNotifications({ tag: 'a' })).length);
         })()));",
    );
    stage.realm.dispatch(&Event::Activate).expect("it ends");
    assert_eq!(stage.said(), ["TypeError granted", "two,three", "1"]);
}

#[test]
fn what_the_worker_registered_for_is_told_once_and_periodically() {
    let stage = Stage::new(
        "addEventListener('activate', (event) => event.waitUntil(Promise.all([
           registration.sync.register('queue'), registration.periodicSync.register('news')])));",
    );
    stage.realm.load().expect("it loads");
    for event in [Event::Install, Event::Activate] {
        let ended = stage.realm.dispatch(&event).expect("it ends");
        assert_eq!(ended.rejected, None);
    }
    let tags = |sync: &[&str]| Tags {
        sync: sync.iter().map(|tag| (*tag).to_owned()).collect(),
        periodic: vec!["news".to_owned()],
    };
    assert_eq!(stage.realm.take_tags(), Ok(tags(&["queue"])));
    assert_eq!(stage.realm.take_tags(), Ok(tags(&[])));
}
