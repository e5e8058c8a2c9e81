//! The dashboard as a household uses it: in a real browser, on a phone's screen, with scripts and without.

use crate::support::browser::{Browser, Scripts};
use crate::support::visitor::PASSWORD;
use crate::support::{House, until};

async fn sets_the_password(house: &House, browser: &Browser) {
    browser.opens(house.link.as_deref().unwrap()).await;
    browser.sees("Welcome to Tealkeep").await;
    browser.types("password", PASSWORD).await;
    browser.types("password_again", PASSWORD).await;
    browser.presses("Set the password").await;
    browser.sees("All is well.").await;
    assert_eq!(browser.path().await, "/");
}

async fn signs_out_and_in(browser: &Browser) {
    browser.opens("/account").await;
    browser.presses("Sign out here").await;
    browser.sees("Forgot the password?").await;
    browser.opens("/journal").await;
    browser.types("password", PASSWORD).await;
    browser.presses("Sign in").await;
    browser.sees("Somebody signed in").await;
    assert_eq!(browser.path().await, "/journal");
}

async fn ids(house: &House) -> Vec<String> {
    let all = house.get("/api/v1/apps/home/snapshots").await;
    all["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn backs_up(house: &House, browser: &Browser) -> String {
    let before = ids(house).await;
    browser.opens("/").await;
    browser.presses("Back up now").await;
    browser.sees("A snapshot was taken and read back").await;
    let after = ids(house).await;
    assert_eq!(after.len(), before.len() + 1);
    after.into_iter().find(|id| !before.contains(id)).unwrap()
}

/// Begins a run by a page, with a request under way that it must wait for, so that there is something
/// to watch; then waits until the page says by itself that it is done.
async fn watches(house: &House, browser: &Browser, label: &str, scripts: Scripts) {
    let page = browser.path().await;
    // On a machine that is slow enough the run is over before the page is there: then once more.
    until("a run is seen under way", async || {
        browser.opens(&page).await;
        let slow = tokio::spawn(reqwest::get(format!("http://{}/slow?ms=4000", house.app())));
        house
            .until(|status| {
                let traffic = &status["apps"][0]["traffic"]["requests_in_flight"];
                traffic
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|count| count.as_u64() > Some(0))
            })
            .await;
        browser.presses(label).await;
        browser.finds(".outcome").await;
        if scripts == Scripts::On {
            browser.evaluates("window.stayed = 'here'").await;
        }
        let at_first = browser
            .finds(".outcome")
            .await
            .text()
            .await
            .unwrap_or_default();
        browser.finds(".outcome.succeeded").await;
        assert!(browser.path().await.starts_with("/apps/home/runs/"));
        if scripts == Scripts::On {
            assert_eq!(
                browser.evaluates("return window.stayed").await,
                "here",
                "the page was loaded anew"
            );
        }
        assert_eq!(
            slow.await.unwrap().unwrap().status(),
            200,
            "a request under way was dropped"
        );
        (at_first == "in progress").then_some(()).ok_or(at_first)
    })
    .await;
}

async fn restores_and_undoes(house: &House, browser: &Browser, snapshot: &str, scripts: Scripts) {
    browser
        .opens(&format!("/apps/home/snapshots/{snapshot}/restore"))
        .await;
    browser.sees("this can be undone").await;
    watches(house, browser, "Restore this backup", scripts).await;
    browser.sees("The data was restored.").await;
    browser.presses("All backups").await;
    browser.presses("Undo this restore…").await;
    browser.finds("form button").await;
    let label = browser
        .finds("main form button")
        .await
        .text()
        .await
        .unwrap();
    browser.presses(&label).await;
    browser.finds(".outcome.succeeded").await;
    browser.sees("Undo of the restore").await;
}

async fn deploys_and_rolls_back(house: &House, browser: &Browser) {
    browser.opens("/apps/home/deploys").await;
    browser.presses("Deploy v2…").await;
    browser.presses("Deploy v2").await;
    browser.finds(".outcome.succeeded").await;
    browser.sees("v2 went live on green.").await;
    let app = reqwest::get(format!("http://{}/", house.app()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(app.contains("Home 2"), "{app}");
    browser.presses("All deploys").await;
    browser.presses("Roll back to v1…").await;
    browser.presses("Roll back to v1").await;
    browser.finds(".outcome.succeeded").await;
    assert_eq!(house.status().await["apps"][0]["release"], "v1");
}

async fn a_whole_evening(scripts: Scripts) {
    let house = House::start().await;
    let browser = Browser::of(&house, scripts).await;
    sets_the_password(&house, &browser).await;
    signs_out_and_in(&browser).await;
    let snapshot = backs_up(&house, &browser).await;
    restores_and_undoes(&house, &browser, &snapshot, scripts).await;
    deploys_and_rolls_back(&house, &browser).await;
    browser.opens("/").await;
    browser.sees("All is well.").await;
    browser.complains_of_nothing().await;
    browser.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_with_scripts() {
    a_whole_evening(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_without_scripts() {
    a_whole_evening(Scripts::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_shows_what_happens_elsewhere() {
    let house = House::start().await;
    let browser = Browser::of(&house, Scripts::On).await;
    sets_the_password(&house, &browser).await;
    browser.evaluates("window.stayed = 'here'").await;
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    browser.sees("v2 for").await;
    assert!(!browser.text().await.contains("v1 for a moment live"));
    house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    browser
        .sees("The last deploy of home failed; nothing changed for your household.")
        .await;
    assert_eq!(
        browser.driver().title().await.unwrap(),
        "Needs attention — Tealkeep"
    );
    assert_eq!(browser.evaluates("return window.stayed").await, "here");

    // What is unfolded stays unfolded while the page changes under it.
    browser.opens("/apps/home/backups").await;
    browser
        .evaluates("window.stayed = 'here'; document.querySelectorAll('details')[1].open = true")
        .await;
    let unfolded = browser
        .evaluates("return document.querySelectorAll('details')[1].id")
        .await;
    house.tealkeep(["backup"]).succeeds();
    let many = ids(&house).await.len();
    browser.sees(&format!("{many} backups")).await;
    let open = "return [...document.querySelectorAll('details[open]')].map((el) => el.id)";
    assert!(
        browser
            .evaluates(open)
            .await
            .as_array()
            .unwrap()
            .contains(&unfolded)
    );
    assert_eq!(browser.evaluates("return window.stayed").await, "here");
    browser.complains_of_nothing().await;
    browser.closes().await;
}

/// Every page of a house where things have happened.
async fn every_page(house: &House) -> Vec<String> {
    let snapshot = ids(house).await.remove(0);
    let runs = house.get("/api/v1/apps/home/runs").await;
    let runs = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| format!("/apps/home/runs/{}", run["id"]));
    let mut pages: Vec<String> = [
        "/",
        "/apps/home/backups",
        "/apps/home/undo",
        "/apps/home/deploys",
        "/apps/home/deploys/v3-unhealthy",
        "/apps/home/rollback",
        "/journal",
        "/account",
        "/nothing",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.push(format!("/apps/home/snapshots/{snapshot}/restore"));
    pages.extend(runs);
    pages
}

async fn a_lively_past(house: &House) {
    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    house
        .tealkeep(["deploy", "home", "v6-crashes-on-boot"])
        .fails_with(1);
    let snapshot = ids(house).await.pop().unwrap();
    house.tealkeep(["restore", "home", &snapshot]).succeeds();
    house.tealkeep(["backup"]).succeeds();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_wider_than_a_phone() {
    let house = House::start_with_family().await;
    a_lively_past(&house).await;
    let browser = Browser::of(&house, Scripts::On).await;
    browser.opens("/sign-in").await;
    browser.fits().await;
    browser.opens(house.link.as_deref().unwrap()).await;
    browser.fits().await;
    sets_the_password(&house, &browser).await;
    let pictures = std::env::var_os("TEALKEEP_PICTURES").map(std::path::PathBuf::from);
    for page in every_page(&house).await {
        browser.opens(&page).await;
        browser
            .evaluates("document.querySelectorAll('details').forEach((el) => el.open = true)")
            .await;
        browser.fits().await;
        if let Some(folder) = &pictures {
            for scheme in ["light", "dark"] {
                browser.prefers(scheme).await;
                let name = format!("{}-{scheme}.png", page.trim_matches('/').replace('/', "-"));
                std::fs::write(folder.join(name), browser.picture().await).unwrap();
            }
        }
    }
    browser.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_an_open_page_rise_by_themselves_and_it_says_so_when_they_could_not() {
    let mut house = House::start().await;
    let browser = Browser::of(&house, Scripts::On).await;
    sets_the_password(&house, &browser).await;
    let shown = "return document.querySelector('.as-of time').dateTime";
    let first = browser.evaluates(shown).await;
    let client = reqwest::Client::new();
    for _ in 0..1234 {
        let asked = client.get(format!("http://{}/healthz", house.app()));
        asked.send().await.unwrap();
    }
    // Nothing of this is an event.
    let answered = async || {
        let status = house.status().await;
        status["apps"][0]["traffic"]["answered"].as_u64().unwrap()
    };
    assert!(answered().await >= 1234);
    browser.sees("1,2").await;
    assert_ne!(browser.evaluates(shown).await, first);

    house.stop().await;
    browser
        .sees("Tealkeep does not answer. This page shows how things were at ")
        .await;
    let (banner, clock) = (
        browser
            .evaluates("return document.querySelector('#offline').textContent")
            .await,
        browser
            .evaluates("return document.querySelector('.as-of time').textContent")
            .await,
    );
    let (banner, clock) = (banner.as_str().unwrap(), clock.as_str().unwrap());
    assert!(banner.contains(clock), "{banner}: {clock}");
    browser.closes().await;
}
