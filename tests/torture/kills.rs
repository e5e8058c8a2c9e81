//! SIGKILL, as a power cut: before any one call to the system, and at instants that are nobody's choice. The
//! folder is consistent after each, and the next run succeeds and tidies up.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::faults::CHANGES;
use super::strace::{Blow, Struck, points, strike};
use super::{Scene, Work};
use crate::support::Said;
use crate::support::random::{Random, is_long};

const WORKS: [Work; 4] = [Work::First, Work::Second, Work::Rotation, Work::Restore];

#[test]
fn killed_before_any_change_on_the_disk_the_folder_is_consistent() {
    let mut random = Random::seeded();
    for work in WORKS {
        let scene = Scene::new(work);
        let (_dir, place) = scene.place();
        let points = points(&scene.command(&place), &CHANGES, &place.0);
        let points = random.draw(points, if is_long() { usize::MAX } else { 4 });
        for point in points {
            let (_dir, place) = scene.place();
            let struck = strike(&scene.command(&place), point, Blow::Kills);
            let what = format!("{work:?}: killed before {point}");
            assert!(
                struck.is_dead() || struck.said.code == 0,
                "{what}: {struck:#?}"
            );
            scene.judge(&place, &struck, &what);
        }
    }
}

#[test]
fn killed_at_random_instants_the_folder_is_consistent() {
    let mut random = Random::seeded();
    for work in WORKS {
        let scene = Scene::new(work);
        let began = Instant::now();
        scene.run(&scene.place().1).succeeds();
        let whole = u64::try_from(began.elapsed().as_micros()).unwrap();
        for _ in 0..if is_long() { 100 } else { 6 } {
            let (_dir, place) = scene.place();
            let at = Duration::from_micros(random.below(whole));
            let command = scene.command(&place);
            let mut child = Command::new(&command[0])
                .args(&command[1..])
                .env("TZ", "UTC")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(at);
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            let mut hits = Vec::new();
            if !output.status.success() {
                hits.push(format!("killed by SIGKILL after {at:?}"));
            }
            let said = Said::of(&output);
            let what = format!("{work:?}: killed after {at:?}, seed {}", random.seed);
            let struck = Struck {
                said,
                hits,
                threads: BTreeSet::new(),
            };
            scene.judge(&place, &struck, &what);
        }
    }
}
