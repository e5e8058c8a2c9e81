//! Every page, with plenty of data, with none, and with data that would break out if it could.

#[path = "../examples/gallery/sample.rs"]
mod sample;

use std::collections::HashSet;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use sample::Sample;
use tealkeep_app::model::{Page, Run, VerdictKind};
use tealkeep_app::{assets, render};

fn every_page() -> Vec<(String, String)> {
    let named = |kind: &'static str, pages: Vec<Sample>| {
        pages
            .into_iter()
            .map(move |(name, frame, page)| (format!("{kind} {name}"), render(&frame, page)))
    };
    named("full", sample::full(&str::to_owned))
        .chain(named("empty", sample::empty()))
        .chain(named("hostile", sample::full(&sample::hostile)))
        .collect()
}

fn page(kind: &str) -> String {
    every_page()
        .into_iter()
        .find(|(name, _)| name == kind)
        .map(|(_, html)| html)
        .expect("the samples have a page of that name")
}

/// The tags of a document in order, as the text between `<` and `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .collect()
}

/// What stands between a tag that begins so and its end.
fn inside<'a>(html: &'a str, opening: &str, closing: &str) -> Vec<&'a str> {
    html.split(opening)
        .skip(1)
        .filter_map(|rest| rest.split_once(closing).map(|(inner, _)| inner))
        .collect()
}

#[test]
fn every_page_is_a_whole_document_with_its_landmarks() {
    let pages = every_page();
    assert!(pages.len() > 50, "only {} pages were drawn", pages.len());
    for (name, html) in pages {
        assert!(
            html.starts_with("<!doctype html><html lang=\"en\""),
            "{name}"
        );
        assert!(html.ends_with("</html>"), "{name}");
        for once in [
            "<title>",
            "<main",
            "<h1",
            "name=\"viewport\"",
            "class=\"top\"",
        ] {
            assert_eq!(html.matches(once).count(), 1, "{name}: {once}");
        }
        assert!(html.contains(" — Tealkeep</title>"), "{name}");
        assert!(
            !html.contains("<!--") && !html.contains("<!>"),
            "{name}: a marker was left"
        );
        let inside = html.contains("aria-label=\"Main\"");
        assert_eq!(
            inside,
            html.contains("data-live"),
            "{name}: navigation and liveness differ"
        );
    }
}

#[test]
fn nothing_on_a_page_needs_more_than_the_strict_content_security_policy() {
    for (name, html) in every_page() {
        for tag in tags(&html) {
            let element = tag.split_whitespace().next().unwrap_or_default();
            assert_ne!(element, "style", "{name}");
            if element == "script" {
                assert!(tag.contains("src=\"/assets/fresh."), "{name}: {tag}");
            }
            // Outside of quotes, no attribute is a handler or a style.
            let bare: String = tag.split('"').step_by(2).collect::<Vec<_>>().join("\u{1}");
            for attribute in bare.split_whitespace() {
                assert!(!attribute.starts_with("style="), "{name}: {tag}");
                assert!(!attribute.starts_with("on"), "{name}: {tag}");
            }
        }
        for body in inside(&html, "<script", "</script>") {
            assert!(body.ends_with('>'), "{name}: a script has a body");
        }
        assert!(!html.contains("javascript:"), "{name}");
        assert!(
            !html.contains("<iframe") && !html.contains("<object"),
            "{name}"
        );
    }
}

#[test]
fn hostile_text_stays_text_wherever_it_stands() {
    let mut seen = 0;
    for (name, html) in every_page()
        .into_iter()
        .filter(|(name, _)| name.starts_with("hostile"))
    {
        assert!(!html.contains("<script>"), "{name}");
        assert!(!html.contains("<script>alert"), "{name}");
        for tag in tags(&html) {
            assert!(
                tag.matches('"').count() % 2 == 0,
                "{name}: a quote got out in {tag}"
            );
        }
        if html.contains("&lt;script&gt;alert(") {
            seen += 1;
        }
        // An element that closes was opened: nothing was closed early from inside a text.
        for element in [
            "main", "section", "article", "form", "ul", "ol", "li", "bdi", "details", "button",
        ] {
            let opened = html.matches(&format!("<{element} ")).count()
                + html.matches(&format!("<{element}>")).count();
            assert_eq!(
                opened,
                html.matches(&format!("</{element}>")).count(),
                "{name}: {element}"
            );
        }
    }
    assert!(seen >= 18, "only {seen} pages showed a hostile text at all");
}

#[test]
fn headings_go_down_one_level_at_a_time() {
    for (name, html) in every_page() {
        let mut last = 0;
        for tag in tags(&html) {
            let level = match tag.split_whitespace().next() {
                Some("h1") => 1,
                Some("h2") => 2,
                Some("h3") => 3,
                Some("h4" | "h5" | "h6") => panic!("{name}: a heading too deep"),
                _ => continue,
            };
            assert!(level <= last + 1, "{name}: h{level} after h{last}");
            last = level;
        }
    }
}

#[test]
fn each_form_posts_to_this_site_and_has_a_button_with_a_text() {
    let mut forms = 0;
    for (name, html) in every_page() {
        for form in inside(&html, "<form ", "</form>") {
            forms += 1;
            assert!(
                form.starts_with("method=\"post\" action=\"/"),
                "{name}: {form}"
            );
            assert!(
                !form.starts_with("method=\"post\" action=\"//"),
                "{name}: {form}"
            );
            let button = form.split("<button").nth(1).unwrap();
            let text: String = button
                .split('<')
                .filter_map(|part| part.split_once('>'))
                .map(|(_, text)| text)
                .collect();
            assert!(!text.trim().is_empty(), "{name}: {form}");
            for (at, label) in form
                .match_indices("<label for=\"")
                .map(|(at, _)| at)
                .zip(inside(form, "<label for=\"", "\""))
            {
                let controls = ["input", "select"].map(|name| format!("<{name} id=\"{label}\""));
                assert!(
                    controls.iter().any(|control| form[at..].contains(control)),
                    "{name}: {label}"
                );
            }
        }
        for link in inside(&html, "<a ", ">") {
            let href = inside(link, "href=\"", "\"").pop().unwrap();
            let known = ["/", "#", "http://", "https://"]
                .iter()
                .any(|start| href.starts_with(start));
            assert!(known, "{name}: {href}");
        }
    }
    assert!(forms > 40, "only {forms} forms were drawn");
}

#[test]
fn ids_are_unique_and_labels_point_to_something() {
    for (name, html) in every_page()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("hostile"))
    {
        let mut ids = HashSet::new();
        for id in inside(&html, " id=\"", "\"") {
            assert!(ids.insert(id), "{name}: {id} stands twice");
        }
        for target in inside(&html, "aria-labelledby=\"", "\"") {
            assert!(ids.contains(target), "{name}: {target} is not there");
        }
        for target in inside(&html, "href=\"#", "\"") {
            assert!(ids.contains(target), "{name}: #{target} is not there");
        }
    }
}

#[test]
fn a_first_load_fits_into_25_kilobytes() {
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().len()
    };
    // A page's head asks for these; the PNG is fetched only for a home screen.
    let around: usize = assets::all()
        .iter()
        .filter(|asset| {
            asset.immutable || asset.path == "/favicon.svg" || asset.path == "/manifest.webmanifest"
        })
        .map(|asset| packed(asset.bytes))
        .sum();
    for (name, html) in every_page()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("hostile"))
    {
        let total = packed(html.as_bytes()) + around;
        println!(
            "{name}: {} + {around} = {total} bytes",
            packed(html.as_bytes())
        );
        assert!(total <= 25 * 1000, "{name}: {total} bytes");
    }
    let script = assets::all()
        .iter()
        .find(|asset| asset.path.starts_with("/assets/fresh."))
        .unwrap();
    assert!(packed(script.bytes) <= 4_000, "the script grew");
}

#[test]
fn titles_say_how_things_are() {
    for (kind, title) in [
        ("full overview", "All is well — Tealkeep"),
        ("full overview-bad", "Something is wrong — Tealkeep"),
        ("full backups", "home: last backup 9 hours ago — Tealkeep"),
        (
            "full run",
            "home: Deploy of v3 in progress (health check) — Tealkeep",
        ),
        (
            "full run-failed",
            "home: Deploy of v3-unhealthy failed — Tealkeep",
        ),
        ("empty deploys", "home: nothing is live yet — Tealkeep"),
        ("full checks", "home: caching is wrong — Tealkeep"),
        ("empty checks-never", "home: not checked yet — Tealkeep"),
        ("empty error-not-found", "Page not found — Tealkeep"),
    ] {
        let html = page(kind);
        let shown = inside(&html, "<title>", "</title>").pop().unwrap();
        assert_eq!(shown, title, "{kind}");
    }
}

#[test]
fn the_first_page_lists_every_condition_with_a_sentence_and_a_button() {
    let html = page("full overview-bad");
    for sentence in [
        "home does not answer: v2 crashed on blue four times in a minute.",
        "A restore of home would fail",
        "The last deploy of home failed; nothing changed for your household.",
        "The disk that holds the backups of home is nearly full: 2.0 GB free.",
        "The laptop has not copied the backups of home for 5 days.",
        "Some rows of garden break the app",
        "Rows of garden have disappeared since the night before",
        "There is no copy of home",
    ] {
        assert_eq!(html.matches(sentence).count(), 1, "{sentence}");
    }
    // The gravest one speaks at the top; the others have a line and a button each.
    let lists: String = inside(&html, "<ul class=\"conditions\">", "</ul>").concat();
    assert_eq!(lists.matches("<li class=").count(), 7);
    assert_eq!(lists.matches(">Look at it<").count(), 7);
    let folded = html.split("<summary>and 2 more</summary>").nth(1).unwrap();
    assert!(folded.contains("The laptop has not copied the backups of home"));
    // Whoever can live with a warning says so, once; a failure has to be put right.
    assert_eq!(html.matches("I know, that is fine").count(), 4);
    assert!(html.contains("Acknowledged "));
    // A hint and what is known already come after the apps.
    let (cards, notes) = (html.find("class=\"cards\""), html.find("Good to know"));
    assert!(cards < notes && notes < html.find("There is no copy of home"));
    let well = page("full overview");
    assert!(!well.contains("Also needs attention") && well.contains("Good to know"));
    for (name, html) in every_page() {
        let is_inside = html.contains("data-live");
        assert_eq!(html.contains("As of <time"), is_inside, "{name}");
    }
}

#[test]
fn only_a_page_with_something_under_way_asks_again_by_itself() {
    let pages = sample::full(&str::to_owned)
        .into_iter()
        .chain(sample::empty());
    let mut busy = 0;
    for (name, frame, page) in pages {
        let under_way = match &page {
            Page::Overview(page) => page.verdict.kind == VerdictKind::Busy,
            Page::Deploys(page) => page.runs.iter().any(Run::is_running),
            Page::Run(page) => page.run.is_running(),
            Page::Checks(page) => page.checking,
            Page::Backups(page) => page.drills.under_way,
            _ => false,
        };
        busy += usize::from(under_way);
        let refresh = "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>";
        assert_eq!(render(&frame, page).contains(refresh), under_way, "{name}");
    }
    assert!(busy >= 3);
}

#[test]
fn the_destructive_pages_say_what_will_happen_and_that_it_can_be_undone() {
    for (kind, sentences) in [
        (
            "full restore",
            &[
                "will become what it was",
                "will no longer be in the app",
                "this can be undone",
                "none will fail",
            ][..],
        ),
        (
            "full undo",
            &[
                "just before the restore",
                "this too can be undone",
                "maintenance page",
            ][..],
        ),
        (
            "full rollback",
            &["will go to", "It can be undone", "The data stays as it is"][..],
        ),
        (
            "full deploy",
            &["will be started on", "It can be rolled back"][..],
        ),
    ] {
        let html = page(kind);
        for sentence in sentences {
            assert!(html.contains(sentence), "{kind}: {sentence}");
        }
        assert_eq!(html.matches("<form ").count(), 1, "{kind}");
    }
    for refused in ["empty restore", "empty undo", "empty rollback"] {
        let html = page(refused);
        assert!(!html.contains("<form "), "{refused}");
        assert!(html.contains("class=\"refusal\""), "{refused}");
    }
    assert!(page("full deploy").contains("name=\"release\" value=\"v2\""));
}

#[test]
fn the_checks_say_first_whether_what_users_get_is_right() {
    for (kind, sentence) in [
        ("full checks", "1 finding would keep old pages on phones."),
        (
            "full checks-right",
            "Caching is set up correctly. Nothing was found 2 hours ago.",
        ),
        (
            "full checks-refused",
            "Nothing was found 2 hours ago. 2 findings would keep old pages on phones in v5-caches-html.",
        ),
        (
            "full checks-unreachable",
            "The site could not be checked 8 minutes ago: the address did not answer within 10 s.",
        ),
        ("empty checks-never", "The site has not been checked yet."),
        ("empty checks-no-address", "Nothing has been checked yet"),
    ] {
        let html = page(kind);
        let summary = inside(&html, "<p class=\"summary ", "</p>").pop().unwrap();
        assert!(summary.contains(sentence), "{kind}: {summary}");
    }
    assert!(page("empty checks-no-address").contains("<code>url</code>"));
    let under_way = page("full checks-right");
    assert!(!under_way.contains("action=\"/apps/home/checks\""));
    assert!(under_way.contains("A check is running"));
    assert!(page("full checks").contains("action=\"/apps/home/checks\""));
}

#[test]
fn each_finding_that_counts_can_be_accepted_and_each_accepted_one_taken_back() {
    for kind in ["full checks", "full check"] {
        let html = page(kind);
        let mut counted = 0;
        for card in inside(&html, "<article ", "</article>") {
            let accept = card.contains("action=\"/apps/home/acceptances\"");
            let back = card.contains("/revoke\"");
            assert!(accept != back, "{kind}: {card}");
            if accept {
                counted += 1;
                for name in ["policy", "kind", "url", "why"] {
                    assert_eq!(
                        card.matches(&format!("name=\"{name}\"")).count(),
                        1,
                        "{card}"
                    );
                }
                let why = inside(card, "<input id=\"why-", ">").pop().unwrap();
                assert!(why.contains("required"), "{why}");
                assert!(card.contains("can be taken back"), "{card}");
            } else {
                assert!(
                    card.contains("Accepted by <bdi>the dashboard</bdi>"),
                    "{card}"
                );
            }
        }
        assert_eq!(counted, 3, "{kind}");
        assert!(
            !html.contains("<details open"),
            "{kind}: the evidence is folded"
        );
    }
    let evidence = "cache.addAll([&#x27;/&#x27;";
    assert!(
        page("full check")
            .replace('\'', "&#x27;")
            .contains(evidence)
    );
}

#[test]
fn the_backups_page_says_whether_a_restore_would_work_and_where_the_copy_is() {
    let drill = "action=\"/apps/home/drill\"";
    let well = page("full backups");
    for sentence in [
        "Yes: a drill",
        "table doses has 10 rows, down from 900 the night before",
        "12 GB free; the next backup needs about 410 MB",
        "Tealkeep keeps the last 7 nightly backups, then one a week for 4 weeks, then one a month for 6 months.",
        "98 % reused from the one before",
        "17 intact",
        drill,
    ] {
        assert!(well.contains(sentence), "{sentence}");
    }
    assert!(!well.contains("overdue\"") && !well.contains("Failed nights"));
    let bad = page("full backups-bad");
    for sentence in [
        "No: the drill",
        "row 12 missing from index chore_due",
        "20 MB short",
        "The laptop has not copied the backups for",
        "16 intact, 1 damaged or missing",
        "Failed nights",
        "A later attempt succeeded.",
        "full (nothing reused)",
        "nothing is deleted",
    ] {
        assert!(bad.contains(sentence), "{sentence}");
    }
    let drilling = page("full backups-drilling");
    assert!(!drilling.contains(drill) && drilling.contains("A restore drill is running"));
    let empty = page("empty backups");
    assert!(
        !empty.contains(drill)
            && empty.contains("There is no backup yet that a drill could unpack.")
    );
    assert!(empty.contains("No laptop has copied the backups yet."));
    assert!(
        empty.contains("No nightly backup yet. The first one runs on Sunday 22 November at 03:30.")
    );
    assert!(page("full overview-bad").contains("overdue"));
}

#[test]
fn every_snapshot_says_why_it_stays_and_when_it_goes() {
    let (_, frame, page) = sample::full(&str::to_owned)
        .into_iter()
        .find(|(name, ..)| *name == "backups")
        .unwrap();
    let Page::Backups(backups) = &page else {
        panic!("it is the backups page");
    };
    let fates: Vec<String> = backups
        .snapshots
        .iter()
        .map(|one| one.fate.clone())
        .collect();
    assert!(fates.len() > 10 && fates.iter().all(|fate| !fate.is_empty()));
    let html = render(&frame, page);
    for fate in fates {
        let shown = html.matches(&format!("<p><bdi>{fate}</bdi></p>")).count();
        assert!(shown > 0, "{fate}");
    }
}

#[test]
fn a_run_that_the_policies_stopped_leads_to_what_they_found() {
    let html = page("full run-stopped-by-policy");
    assert!(html.contains("href=\"/apps/home/checks\">"));
    assert!(html.contains("See the findings"));
    assert!(html.contains("Checked what the release sends to browsers"));
    assert!(!page("full run-failed").contains("See the findings"));
}

#[test]
fn the_service_worker_is_registered_over_https_only() {
    let (_, mut frame, page) = sample::full(&str::to_owned).remove(0);
    assert!(render(&frame, page.clone()).contains("data-worker"));
    frame.https = false;
    assert!(!render(&frame, page).contains("data-worker"));
}

#[test]
fn every_asset_that_a_page_names_is_served() {
    let paths: HashSet<&str> = assets::all()
        .iter()
        .map(|asset| asset.path.as_str())
        .collect();
    assert_eq!(paths.len(), assets::all().len(), "a path stands twice");
    let html = page("full overview");
    let named: Vec<_> = inside(&html, "<link ", ">")
        .into_iter()
        .chain(inside(&html, "<script ", ">"))
        .chain(inside(&html, "<img ", ">"))
        .filter_map(|tag| tag.split("href=\"").nth(1).or(tag.split("src=\"").nth(1)))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for path in named {
        assert!(paths.contains(path), "{path}");
    }
    for asset in assets::all() {
        assert!(!asset.bytes.is_empty(), "{}", asset.path);
        assert_eq!(
            asset.immutable,
            asset.path.starts_with("/assets/"),
            "{}",
            asset.path
        );
    }
    let manifest = assets::all()
        .iter()
        .find(|asset| asset.path == "/manifest.webmanifest")
        .unwrap();
    let manifest = std::str::from_utf8(manifest.bytes).unwrap();
    for icon in inside(manifest, "\"src\": \"", "\"") {
        assert!(paths.contains(icon), "{icon}");
    }
}

#[test]
fn the_service_worker_never_answers_a_navigation_and_keeps_hashed_names_only() {
    let worker = assets::all()
        .iter()
        .find(|asset| asset.path == "/sw.js")
        .unwrap();
    let worker = std::str::from_utf8(worker.bytes).unwrap();
    let skip = worker.find("request.mode === 'navigate') return").unwrap();
    let only = worker.find("!HASHED.test(url.pathname)) return").unwrap();
    let answer = worker.find("respondWith").unwrap();
    assert!(skip < answer && only < answer);
    assert_eq!(worker.matches("respondWith").count(), 1);
    // The names that are made are the names that it knows.
    for asset in assets::all().iter().filter(|asset| asset.immutable) {
        let mut parts = asset.path.rsplitn(3, '.');
        let extension = parts.next().unwrap();
        let hash = parts.next().unwrap();
        assert!(matches!(extension, "css" | "js"), "{}", asset.path);
        assert!(
            hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()),
            "{}",
            asset.path
        );
    }
}

#[test]
fn an_app_address_that_is_not_a_web_address_is_not_linked() {
    let (_, frame, page) = sample::full(&str::to_owned).remove(0);
    let Page::Overview(mut overview) = page else {
        panic!("the first sample is the overview");
    };
    assert!(render(&frame, Page::Overview(overview.clone())).contains("Open the app"));
    overview.apps[0].url = Some("javascript:alert(1)".to_owned());
    assert!(!render(&frame, Page::Overview(overview)).contains("Open the app"));
}
