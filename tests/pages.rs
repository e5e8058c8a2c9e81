//! Each page of a house where things have happened: that it says what is true, and says it safely.

use crate::support::House;
use crate::support::visitor::Visitor;

/// What every page must be, whatever it shows.
#[track_caller]
fn is_sound(path: &str, html: &str) {
    let count = |what: &str| html.matches(what).count();
    assert!(
        html.starts_with("<!doctype html><html lang=\"en\""),
        "{path}"
    );
    assert_eq!(count("<h1"), 1, "{path}");
    assert_eq!(count("<main"), 1, "{path}");
    assert_eq!(count("<title>"), 1, "{path}");
    assert!(html.contains(" — Tealkeep</title>"), "{path}");
    assert_eq!(count("<form"), count("</form>"), "{path}");
    for form in html.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap();
        assert!(
            form.contains("<button"),
            "{path}: a form without a button: {form}"
        );
        assert!(
            form.contains("method=\"post\"") && form.contains("action=\"/"),
            "{path}: {form}"
        );
    }
    assert_eq!(count("<script"), 1, "{path}");
    assert!(
        !html.contains("<style") && !html.contains(" style=\""),
        "{path}: a style of its own"
    );
    for handler in [" onclick=", " onload=", " onerror=", "javascript:"] {
        assert!(!html.contains(handler), "{path}: {handler}");
    }
    let mut ids: Vec<&str> = html
        .split(" id=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let many = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), many, "{path}: an id stands twice");
}

async fn page(visitor: &Visitor, path: &str) -> String {
    let html = visitor.get(path).await.is(200).text();
    is_sound(path, &html);
    html
}

#[track_caller]
fn says_all(html: &str, words: &[&str]) {
    for words in words {
        assert!(html.contains(words), "{words:?} is not in {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_backup_holds_stands_on_the_backups_page_with_its_size() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    assert!(
        !page(&visitor, "/apps/home/backups")
            .await
            .contains("Not backed up")
    );
    let data = house.database().parent().unwrap().to_owned();
    std::fs::create_dir(data.join("uploads")).unwrap();
    std::fs::write(data.join("uploads/<b>.jpg"), vec![0; 3 << 20]).unwrap();
    std::fs::write(data.join("<i>notes.db"), "x").unwrap();
    let html = page(&visitor, "/apps/home/backups").await;
    says_all(
        &html,
        &[
            "Not backed up",
            "uploads/ (1 file, 3.1 MB)",
            "&lt;i&gt;notes.db (a database",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_what_has_happened() {
    let house = House::start().await;
    let first = house.status().await["apps"][0]["snapshot"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    house.tealkeep(["rollback"]).succeeds();
    house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    let visitor = Visitor::signed_in(&house).await;
    says_all(
        &page(&visitor, "/").await,
        &[
            "The password is set, and you are signed in.",
            "The last deploy of home failed; nothing changed for your household.",
            "See why",
            ">v1<",
        ],
    );
    let again = page(&visitor, "/").await;
    assert!(
        !again.contains("The password is set"),
        "a notice is shown once"
    );

    let runs = house.get("/api/v1/apps/home/runs").await;
    let failed = runs[0]["id"].as_i64().unwrap();
    says_all(
        &page(&visitor, &format!("/apps/home/runs/{failed}")).await,
        &[
            "Deploy of v6-crashes-on-boot",
            "Why it failed",
            "it ended with exit code 1",
            "Last output of the release",
            "BINS_CALENDAR_URL is not set",
        ],
    );
    for run in runs.as_array().unwrap() {
        page(&visitor, &format!("/apps/home/runs/{}", run["id"])).await;
    }
    says_all(
        &page(&visitor, "/apps/home/deploys").await,
        &[
            "v1",
            "v2",
            "v7-slow-leak",
            "Deploy of v2",
            "Rollback to v1",
            "Deploy of v6-crashes-on-boot",
            "it ended with exit code 1",
        ],
    );
    says_all(
        &page(&visitor, "/apps/home/deploys/v2").await,
        &["Deploy v2", "Cancel"],
    );
    page(&visitor, "/apps/home/rollback").await;

    let before = page(&visitor, "/apps/home/backups").await;
    says_all(&before, &[first.as_str(), "Back up now", "before a deploy"]);
    assert!(
        !before.contains("Undo this restore"),
        "there is nothing to undo yet"
    );
    visitor.get("/apps/home/undo").await.is(409);
    says_all(
        &page(&visitor, &format!("/apps/home/snapshots/{first}/restore")).await,
        &["Restore this backup", "this can be undone", "Cancel"],
    );
    house.tealkeep(["restore", "home", &first]).succeeds();
    says_all(
        &page(&visitor, "/apps/home/backups").await,
        &["Undo this restore…", "before a restore", ">pinned<"],
    );
    page(&visitor, "/apps/home/undo").await;
    says_all(&page(&visitor, "/").await, &["All is well."]);

    let journal = page(&visitor, "/journal?app=home").await;
    for run in house
        .get("/api/v1/apps/home/runs")
        .await
        .as_array()
        .unwrap()
    {
        says_all(&journal, &[&format!("/apps/home/runs/{}\"", run["id"])]);
    }
    says_all(
        &page(&visitor, "/account").await,
        &["this browser", "an unnamed browser", "Sign out here"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_so_and_hostile_input_is_only_text() {
    let house = House::start().await;
    let visitor = Visitor::signed_in(&house).await;
    let evil = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let mut paths: Vec<String> = [
        "/nothing",
        "/apps/nobody/backups",
        "/apps/home/deploys/v99",
        "/apps/home/runs/4711",
        "/apps/home/runs/one",
        "/apps/home/snapshots/2020-01-01T000000Z/restore",
        "/apps/home/snapshots/..%2F..%2Fetc%2Fpasswd/restore",
        "/apps/home/deploys/..%2Fv1",
        "/apps/%FF/backups",
        "/journal?app=nobody",
        "/journal?before=x",
    ]
    .map(str::to_owned)
    .to_vec();
    for place in [
        "backups",
        "deploys",
        "undo",
        "rollback",
        "runs/1",
        "snapshots/x/restore",
    ] {
        paths.push(format!("/apps/{evil}/{place}"));
    }
    paths.push(format!("/{evil}"));
    paths.push(format!("/apps/home/deploys/{evil}"));
    for path in paths {
        let html = visitor.get(&path).await.is(404).text();
        is_sound(&path, &html);
        assert!(html.contains("Page not found"), "{path}: {html}");
        assert!(
            !html.contains("<script>") && !html.contains("alert(1)</script"),
            "{path}: {html}"
        );
    }
    // Values that do come back are escaped.
    let page = Visitor::of(&house)
        .get("/sign-in?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        .await
        .is(200)
        .text();
    is_sound("/sign-in", &page);
    let browser = [
        ("user-agent", "<script>alert(1)</script>\"'>"),
        ("origin", visitor.origin.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let form = format!(
        "password={}",
        crate::support::visitor::PASSWORD.replace(' ', "+")
    );
    let other = Visitor::of(&house);
    other
        .sends(reqwest::Method::POST, "/sign-in", &browser, Some(form))
        .await
        .is(303);
    let account = visitor.get("/account").await.is(200).text();
    is_sound("/account", &account);
    assert!(account.contains("&lt;script&gt;alert(1)"), "{account}");
}
