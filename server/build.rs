//! Tells the program when it was built, in seconds since 1970: `SOURCE_DATE_EPOCH` where a packager sets it
//! (reproducible-builds.org/specs/source-date-epoch), else now. It is asked again when what the program is made of
//! changes, and not with each build: an older instant is as true.

use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let built = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(given) => match given.parse::<u32>() {
            Ok(seconds) => u64::from(seconds),
            Err(error) => {
                println!(
                    "cargo::error=SOURCE_DATE_EPOCH is `{given}`, no number of seconds since 1970: {error}"
                );
                return;
            }
        },
        // A clock from before 1970 knows nothing: any clock is later then.
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    println!("cargo::rustc-env=TEALKEEP_BUILT={built}");
}
