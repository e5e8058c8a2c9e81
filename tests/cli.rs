//! The command line against a running demo, and without one.

use crate::support::House;

#[tokio::test(flavor = "multi_thread")]
async fn v2_goes_through_and_can_be_rolled_back() {
    let house = House::start().await;
    let before = house.status().await;
    assert_eq!(before["apps"][0]["release"], "v1");
    assert_eq!(before["apps"][0]["live"], "blue");

    house.tealkeep(["deploy", "home", "v2"]).succeeds();
    let after = house.status().await;
    assert_eq!(after["apps"][0]["release"], "v2");
    assert_eq!(after["apps"][0]["live"], "green");

    house.tealkeep(["rollback"]).succeeds();
    let back = house.status().await;
    assert_eq!(back["apps"][0]["release"], "v1");
    assert_eq!(back["apps"][0]["live"], "blue");
}
