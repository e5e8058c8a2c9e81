use super::*;

mod generated;

fn nature(names: &Names, path: &str) -> Nature {
    names.nature(&url(path))
}

fn url(path: &str) -> Url {
    Url::parse("https://home.example")
        .unwrap()
        .join(path)
        .unwrap()
}

#[test]
fn names_that_builds_give_are_immutable() {
    for path in [
        "/assets/index-D8a9sQwz.js",
        "/assets/index-B-x_9aQz.css",
        "/_next/static/chunks/main-app.js",
        "/_next/static/3xFq8ZkP/_buildManifest.js",
        "/_app/immutable/chunks/DiwrgTda.js",
        "/static/js/main.8c1f4a2e.chunk.js",
        "/main-FFHMD2TL.js",
        "/assets/application-908e25f4bf641868d8683022a5b62f54.css",
        "/static/name.5f3a9c0d12ab.css",
        "/5f3a9c0d12ab.js",
    ] {
        assert!(
            matches!(nature(&Names::default(), path), Nature::Immutable(_)),
            "{path}"
        );
    }
}

#[test]
fn names_that_people_give_are_mutable() {
    for path in [
        "/",
        "/app.js",
        "/splash-640x1136.png",
        "/photos/2024-11-21.jpg",
        "/jquery-3.7.1.min.js",
        "/report-20241121.pdf",
        "/deadbeef.js",
        "/feedback.js",
        "/facade-calendar.css",
        "/apple-touch-icon-180x180.png",
        "/app.js?v=8c1f4a2e",
        "/_next/static/development/_buildManifest.js",
        "/js/UserList.js",
        "/img-12345678.png",
        "/my-Component-v2.min.js",
    ] {
        assert!(
            matches!(nature(&Names::default(), path), Nature::Mutable(_)),
            "{path}"
        );
    }
}

#[test]
fn neighbours_tell_what_a_name_alone_does_not() {
    let mut names = Names::default();
    names.learn(&url("/assets/a-D8a9sQwz.js"));
    assert!(matches!(
        nature(&names, "/assets/index-DiwrgTda.js"),
        Nature::Mutable(_)
    ));
    names.learn(&url("/assets/b-9Qaz8sWx.js"));
    assert!(matches!(
        nature(&names, "/assets/index-DiwrgTda.js"),
        Nature::Immutable(_)
    ));
    assert!(matches!(
        nature(&names, "/assets/index-20394857.js"),
        Nature::Immutable(_)
    ));
    assert!(matches!(
        nature(&names, "/other/index-DiwrgTda.js"),
        Nature::Mutable(_)
    ));
    assert!(matches!(
        nature(&names, "/assets/photo-20241121.js"),
        Nature::Mutable(_)
    ));
    assert!(matches!(
        nature(&names, "/assets/logo-facebook.js"),
        Nature::Mutable(_)
    ));
}

#[test]
fn configured_patterns_hold_for_the_path_and_its_query() {
    let names = Names::new(&[
        "^/pinned/".to_owned(),
        r"\?v=\w+$".to_owned(),
        "(".to_owned(),
    ]);
    assert!(matches!(
        nature(&names, "/pinned/app.js"),
        Nature::Immutable(_)
    ));
    assert!(matches!(
        nature(&names, "/app.js?v=3"),
        Nature::Immutable(_)
    ));
    assert!(matches!(nature(&names, "/app.js"), Nature::Mutable(_)));
}

#[test]
fn proof_beats_a_configured_pattern() {
    let mut names = Names::new(&["^/pinned/".to_owned()]);
    names
        .proven
        .insert(url("/pinned/app.js"), "seen".to_owned());
    assert_eq!(
        nature(&names, "/pinned/app.js"),
        Nature::ProvenMutable("seen".to_owned())
    );
}

#[test]
fn base64url_is_recognised_alone_after_a_dot_and_in_a_changed_picture() {
    let mut names = Names::default();
    for path in [
        "/_astro/index.D8a9sQwz.css",
        "/_astro/page.B7x_9aQz.js",
        "/_nuxt/47ulVJFB.js",
        "/_nuxt/D8a9sQwz.js",
        "/_nuxt/Bq3Xx81d.js",
    ] {
        names.learn(&url(path));
    }
    for path in [
        "/_astro/page.-NEgbUZs.js",
        "/_astro/photo.D8a9sQwz_Z1kMn2.webp",
        "/_nuxt/47ulVJFB.js",
        "/_nuxt/-NEgbUZs.js",
        "/_nuxt/DiwrgTda.js",
    ] {
        assert!(
            matches!(nature(&names, path), Nature::Immutable(_)),
            "{path}"
        );
    }
    for path in [
        "/_nuxt/settings.js",
        "/_nuxt/app-1234.js",
        "/_astro/page.settings.js",
    ] {
        assert!(matches!(nature(&names, path), Nature::Mutable(_)), "{path}");
    }
}

#[test]
fn a_checksum_in_the_query_makes_another_url() {
    let names = Names::default();
    for (path, is_immutable) in [
        ("/js/app.js?id=68b0f4ad5d4a6b9ee3ae", true),
        ("/js/app.js?id=8c1f4a2e", true),
        ("/js/app.js?id=3", false),
        ("/js/app.js?id=settings", false),
        ("/js/app.js?id=20241121", false),
        ("/js/app.js?v=8c1f4a2e", false),
    ] {
        let found = matches!(nature(&names, path), Nature::Immutable(_));
        assert_eq!(found, is_immutable, "{path}");
    }
}

#[test]
fn folders_of_one_tree_are_one_build() {
    let mut names = Names::default();
    for path in [
        "/static/css/base.5f3a9c0d12ab.css",
        "/static/js/app.0a1b2c3d4e5f.js",
        "/static/js/map.91c2e7b04d3f.js",
        "/static/img/logo.77ab01cd9e20.svg",
    ] {
        names.learn(&url(path));
    }
    let digits_alone = "/static/fonts/inter.204857193046.woff2";
    assert!(matches!(nature(&names, digits_alone), Nature::Immutable(_)));
    assert!(matches!(
        nature(&Names::default(), digits_alone),
        Nature::Mutable(_)
    ));
    let plain = "/static/fonts/inter.woff2";
    assert!(matches!(nature(&names, plain), Nature::Mutable(_)));
}
