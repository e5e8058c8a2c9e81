//! What the household notices of swaps, restores, bad releases and crashes while it uses the app: nothing.

use std::time::Instant;

use crate::support::House;
use crate::support::load::{Load, Mix};

/// The drain's deadline in these tests, in seconds.
const SHORT_DRAIN: (&str, &str) = ("TEALKEEP_DEMO_DRAIN_TIMEOUT", "1");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_swaps_under_load_lose_nothing_and_do_nothing_twice() {
    let mut house = House::start_with(&[SHORT_DRAIN]).await;
    let load = Load::begin(house.app(), Mix::EVERYTHING);
    load.until_answered(20).await;
    let began = Instant::now();
    for swap in 0..50 {
        let live = if swap % 2 == 0 {
            house.tealkeep(["deploy", "home", "v2"]).succeeds();
            "v2"
        } else {
            house.tealkeep(["rollback"]).succeeds();
            "v1"
        };
        assert_eq!(house.status().await["apps"][0]["release"], live, "after swap {swap}");
    }
    let took = began.elapsed();
    load.until_answered(20).await;
    let tally = load.stop().await;
    println!("50 swaps in {took:?} under {} requests", tally.requests);
    tally.nothing_failed();
    tally.was_answered_by(&["v1", "v2"]);
    assert!(tally.uploads > 5 && tally.messages > 50 && tally.events > 50, "{tally:?}");
    assert!(tally.told_to_go >= 50, "streams were told to go {} times in 50 swaps", tally.told_to_go);
    house.stop().await;
    tally.is_in_exactly_once(&house.database());
}
