use super::*;

mod demo;
mod headers;

pub(super) fn url(path: &str) -> Url {
    Url::parse("https://home.example")
        .unwrap()
        .join(path)
        .unwrap()
}

/// An answer with these lines, each `name: value`.
pub(super) fn answer(path: &str, status: u16, lines: &[&str], body: &str) -> Answer {
    Answer {
        url: url(path),
        status,
        headers: lines
            .iter()
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_lowercase(), value.trim().to_owned())
            })
            .collect(),
        body: body.as_bytes().to_vec(),
        is_cut: false,
    }
}

fn page(path: &str, lines: &[&str]) -> Page {
    let mut all = vec!["content-type: text/html"];
    all.extend(lines);
    Page {
        answer: answer(path, 200, &all, "<p>"),
        with_cookie: false,
        inline_scripts: Vec::new(),
        assets: Vec::new(),
        base: url(path),
    }
}

fn asset(path: &str, destination: &str, nature: Nature, lines: &[&str]) -> Asset {
    Asset {
        url: url(path),
        destination: destination.to_owned(),
        module: false,
        answer: Some(answer(path, 200, lines, "x")),
        nature,
    }
}

fn of_asset(destination: &str, nature: Nature, cache_control: &str) -> Vec<(Kind, Severity)> {
    let line = format!("cache-control: {cache_control}");
    let seen = Seen {
        assets: vec![asset("/a.js", destination, nature, &[&line])],
        ..Seen::default()
    };
    judge(&seen)
        .into_iter()
        .map(|finding| (finding.kind, finding.severity))
        .collect()
}

#[test]
fn assets_are_judged_by_whether_they_can_change() {
    let hashed = || Nature::Immutable("its name".to_owned());
    let plain = || Nature::Mutable("its name".to_owned());
    let proven = || Nature::ProvenMutable("its bytes".to_owned());
    let not_kept = (Kind::HashedNotImmutable, Severity::Warn);
    let reusable = (Kind::MutableReusable, Severity::Warn);
    let for_good = (Kind::MutableImmutable, Severity::Fail);
    let cases = [
        (
            "script",
            hashed(),
            "public, max-age=31536000, immutable",
            None,
        ),
        ("script", hashed(), "max-age=2592000, immutable", None),
        (
            "script",
            hashed(),
            "max-age=2591999, immutable",
            Some(not_kept),
        ),
        ("script", hashed(), "max-age=31536000", Some(not_kept)),
        ("script", hashed(), "no-cache", Some(not_kept)),
        ("script", hashed(), "no-store", Some(not_kept)),
        ("script", hashed(), "", Some(not_kept)),
        (
            "script",
            plain(),
            "max-age=31536000, immutable",
            Some(for_good),
        ),
        ("image", plain(), "max-age=60, immutable", Some(for_good)),
        (
            "script",
            proven(),
            "max-age=31536000, immutable",
            Some(for_good),
        ),
        ("script", proven(), "max-age=60", Some(reusable)),
        ("script", plain(), "max-age=60", Some(reusable)),
        (
            "style",
            plain(),
            "max-age=0, stale-while-revalidate=60",
            Some(reusable),
        ),
        ("script", plain(), "", Some(reusable)),
        ("script", plain(), "no-cache", None),
        ("script", plain(), "public, max-age=0", None),
        ("script", plain(), "no-cache, immutable", None),
        ("image", plain(), "max-age=86400", None),
        ("image", plain(), "max-age=86401", Some(reusable)),
        ("image", plain(), "", None),
        ("manifest", plain(), "max-age=86401", None),
    ];
    for (destination, nature, says, expected) in cases {
        let found = of_asset(destination, nature.clone(), says);
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found, expected, "{destination} {nature:?} {says:?}");
    }
}

#[test]
fn a_missing_asset_is_no_finding_and_a_page_in_its_place_is_one() {
    let mut missing = asset("/a.js", "script", Nature::Mutable(String::new()), &[]);
    missing.answer.as_mut().unwrap().status = 404;
    let lines = ["content-type: text/html", "cache-control: max-age=60"];
    let page = asset("/b.js", "script", Nature::Mutable(String::new()), &lines);
    let seen = Seen {
        assets: vec![missing, page],
        ..Seen::default()
    };
    let found: Vec<_> = judge(&seen).iter().map(|f| (f.policy, f.kind)).collect();
    assert_eq!(found, [(Policy::HtmlCache, Kind::Reusable)]);
}

#[test]
fn a_finding_shows_the_fields_as_received_and_what_a_browser_does() {
    let seen = Seen {
        pages: vec![page(
            "/list?x=1",
            &["Cache-Control: Public, max-age=600", "Cache-Control: x"],
        )],
        ..Seen::default()
    };
    let findings = judge(&seen);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].url, "https://home.example/list?x=1");
    assert_eq!(
        findings[0].evidence,
        "GET /list?x=1 answered 200:\n  content-type: text/html\n  cache-control: Public, max-age=600\n  \
         cache-control: x\nmax-age lets a browser show it for the next 10 minutes without asking (RFC 9111 section 4.2.1)."
    );
    for place in [
        "SvelteKit",
        "Next.js",
        "Django",
        "Rails",
        "Express",
        "Caddy",
    ] {
        assert!(findings[0].advice.contains(place), "{place}");
    }
}

#[test]
fn the_same_page_with_and_without_a_cookie_is_one_finding() {
    let mut with = page("/", &[]);
    with.with_cookie = true;
    let seen = Seen {
        pages: vec![page("/", &[]), with],
        ..Seen::default()
    };
    assert_eq!(judge(&seen).len(), 1);
}

#[test]
fn many_findings_of_one_kind_end_in_a_number() {
    let pages = (0..50).map(|i| page(&format!("/{i}"), &[])).collect();
    let seen = Seen {
        pages,
        ..Seen::default()
    };
    let findings = judge(&seen);
    assert_eq!(findings.len(), MAX_SIMILAR_FINDINGS);
    assert!(
        findings[MAX_SIMILAR_FINDINGS - 1]
            .evidence
            .ends_with("30 more that are not listed.")
    );
}

#[test]
fn a_page_that_gave_no_answer_is_not_passed_over() {
    let seen = Seen {
        unanswered: vec![Unreachable {
            url: "https://home.example/x".to_owned(),
            why: "cut the connection".to_owned(),
        }],
        ..Seen::default()
    };
    let findings = judge(&seen);
    assert_eq!(
        (findings[0].kind, findings[0].severity),
        (Kind::Ambiguous, Severity::Warn)
    );
    assert!(findings[0].evidence.contains("it cut the connection"));
}

fn compared(before: &[&str], after: &[&str]) -> Option<String> {
    let one = |lines| Seen {
        pages: vec![page("/", lines)],
        ..Seen::default()
    };
    let findings = compare(&one(before), &one(after));
    let finding = findings.into_iter().next()?;
    assert_eq!(
        (finding.kind, finding.severity),
        (Kind::ChangedOnTheWay, Severity::Warn)
    );
    let (first, _) = finding.evidence.split_once(".\n").unwrap();
    Some(first.rsplit_once("changed ").unwrap().1.to_owned())
}

#[test]
fn what_a_proxy_changed_is_told_and_what_it_may_is_not() {
    let is = |before: &[&str], after: &[&str], changed: Option<&str>| {
        assert_eq!(
            compared(before, after).as_deref(),
            changed,
            "{before:?} {after:?}"
        );
    };
    is(
        &["cache-control: no-cache, private"],
        &["cache-control: Private", "cache-control: no-cache"],
        None,
    );
    is(
        &["cache-control: no-cache"],
        &["cache-control: max-age=14400"],
        Some("Cache-Control"),
    );
    is(&[], &["expires: 0"], Some("Expires"));
    is(
        &[
            "expires: Thu, 01 Jan 2026 00:10:00 GMT",
            "date: Thu, 01 Jan 2026 00:00:00 GMT",
        ],
        &[
            "expires: Thu, 01 Jan 2026 02:10:03 GMT",
            "date: Thu, 01 Jan 2026 02:00:01 GMT",
        ],
        None,
    );
    is(&["vary: Cookie"], &["vary: accept-encoding, cookie"], None);
    is(&["vary: Cookie"], &["vary: Accept-Encoding"], Some("Vary"));
    is(&["pragma: no-cache"], &[], Some("Pragma"));
}

#[test]
fn a_url_that_no_page_refers_to_has_a_nature_by_its_name_and_its_bytes() {
    let seen = Seen {
        names: Names::new(&["^/kept/".to_owned()]),
        ..Seen::default()
    };
    assert!(matches!(
        seen.nature(&url("/kept/a.js#x")),
        Nature::Immutable(_)
    ));
    assert!(matches!(
        seen.nature(&url("/a.2cf24dba.js")),
        Nature::Immutable(_)
    ));
    // Digits alone could be anything; here they begin the MD5 of the bytes.
    let path = "/a.098f6b.js";
    assert!(matches!(seen.nature(&url(path)), Nature::Mutable(_)));
    let plain = answer(path, 200, &[], "test");
    assert!(matches!(seen.nature_of(&plain), Nature::Immutable(_)));
    let other = answer(path, 200, &[], "other");
    assert!(matches!(seen.nature_of(&other), Nature::Mutable(_)));
}

#[test]
fn a_site_of_which_no_page_was_seen_is_not_passed() {
    let redirect = |to: &str| {
        let mut page = page(
            "/",
            &["cache-control: no-cache", &format!("location: {to}")],
        );
        page.answer.status = 302;
        page
    };
    let judged = |pages: Vec<Page>| {
        judge(&Seen {
            pages,
            ..Seen::default()
        })
    };
    for to in ["https://www.home.example/", "/"] {
        let findings = judged(vec![redirect(to)]);
        assert_eq!(findings.len(), 1, "{to}");
        assert_eq!(findings[0].severity, Severity::Warn);
        assert!(
            findings[0]
                .evidence
                .contains("No page of this site was seen"),
            "{}",
            findings[0].evidence
        );
    }
    let login = page("/login", &["cache-control: no-cache"]);
    assert_eq!(judged(vec![redirect("/login"), login]), []);
}
