//! Each worker of the corpus, checked as anybody would check it: `tealkeep check URL --json`. What is found is what was
//! reasoned, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cases::{self, Case};
use super::site::Site;
use crate::support::{Said, TEALKEEP};

/// Runs `tealkeep check` with nothing but what stands in the call.
pub async fn check(arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(TEALKEEP);
    command.arg("check").args(arguments).arg("--json");
    command.env_remove("TEALKEEP_SOCKET").kill_on_drop(true);
    let output = tokio::time::timeout(crate::support::PATIENCE, command.output());
    Said::of(&output.await.expect("the check never ends").unwrap())
}

/// The paths of what was found, by kind, of one policy.
pub fn found(report: &Value, policy: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        if finding["policy"] != policy {
            continue;
        }
        let url = url::Url::parse(finding["url"].as_str().unwrap()).unwrap();
        let kind = finding["kind"].as_str().unwrap().to_owned();
        found.entry(kind).or_default().insert(url.path().to_owned());
    }
    found
}

async fn is_judged_as_reasoned(case: &Case) {
    let site = Site::of_corpus(case.site, &case.others()).await;
    let said = check(&[&site.origin()]).await;
    let report = said.json();
    let found = found(&report, "service-worker");

    let kinds: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    let reasoned: BTreeSet<&str> = case.finds.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, reasoned, "{}: {report:#}", case.site);
    for (kind, paths) in case.finds {
        let reasoned: BTreeSet<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let is_named = !reasoned.is_empty();
        assert!(
            !is_named || found[*kind] == reasoned,
            "{} {kind}: {:?}\n{report:#}",
            case.site,
            found[*kind]
        );
    }
    assert_eq!(said.code, i32::from(!case.finds.is_empty()), "{said:#?}");
    for finding in report["findings"].as_array().unwrap() {
        for field in ["evidence", "advice"] {
            assert!(!finding[field].as_str().unwrap().is_empty(), "{finding:#}");
        }
        // The pages themselves are served as they should be.
        assert_ne!(
            finding["policy"], "html-cache",
            "{}: {finding:#}",
            case.site
        );
    }
}

macro_rules! verdicts {
    ($($test:ident: $case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
        async fn $test() {
            is_judged_as_reasoned(&cases::$case).await;
        }
    )*};
}

verdicts! {
    workbox_may_keep_hashed_assets: WORKBOX_HASHED,
    a_revision_beside_a_hashed_name_changes_nothing: WORKBOX_HASHED_REVISED,
    workbox_with_a_shell_keeps_pages_and_serves_them: WORKBOX_SHELL,
    a_revision_does_not_make_a_plain_name_immutable: WORKBOX_PICTURES,
    workbox_with_strategies_by_name: WORKBOX_RUNTIME,
    workbox_that_revalidates_pages_serves_the_old_ones: WORKBOX_REVALIDATED_PAGES,
    workbox_recipes_keep_pages_and_pictures: WORKBOX_RECIPES,
    a_page_for_offline_is_html_in_a_cache: WORKBOX_OFFLINE_PAGE,
    workbox_by_its_loader_imports_its_modules: WORKBOX_LOADER,
    create_react_app_serves_its_shell: CREATE_REACT_APP,
    vite_pwa_as_it_is_by_default: VITE_PWA,
    vite_pwa_held_to_hashed_assets: VITE_PWA_HASHED,
    angular_serves_its_index_from_the_store: NGSW,
    sveltekit_keeps_all_that_it_sees: SVELTEKIT,
    next_pwa_keeps_all_that_it_sees: NEXT_PWA,
    serwist_keeps_all_that_it_sees: SERWIST,
    sw_precache_serves_its_shell: SW_PRECACHE,
    sw_precache_may_keep_hashed_assets: SW_PRECACHE_HASHED,
    firebase_messaging_keeps_nothing: FIREBASE,
    braze_keeps_nothing: BRAZE,
    a_push_service_keeps_nothing: PUSH,
    a_worker_that_imports_what_cannot_be_had_is_no_pass: PUSH_ELSEWHERE,
    a_worker_reads_its_query_string_and_keeps: QUERY_KEEPS,
    a_worker_reads_its_query_string_and_lets_go: QUERY_LETS_GO,
    a_module_is_run_with_its_imports: MODULE,
    a_worker_that_keeps_what_it_is_told_is_told: MESSAGE,
    a_listener_that_throws_is_no_pass: THROWS,
    a_worker_that_adds_headers_keeps_nothing: COI,
    mock_service_worker_keeps_nothing: MSW,
    home_assistant_keeps_pages_and_plain_names: HOME_ASSISTANT,
    the_dashboard_keeps_its_own_rules: DASHBOARD,
    the_demo_keeps_them_too: DEMO,
    the_demo_that_keeps_pages_is_caught: DEMO_CACHES_HTML,
}
