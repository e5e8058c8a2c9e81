//! The Debian packages under test, each built once a test run by `packaging/build`: around the program under test, or, with
//! whole matrices (`tests/run --long`), optimised as the published one is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{succeeds, tests};
use crate::support::TEALKEEP;
use crate::support::random::is_long;

/// The package to install. With whole matrices it is the published one, which has no fault points.
///
/// # Panics
/// If it can't be built, with what was said.
#[track_caller]
pub fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| match is_long() {
        true => build("package", None),
        false => build("package", Some(Path::new(TEALKEEP))),
    })
}

/// The package of a program that a test can kill and stop at named points, otherwise the same as [`package`].
///
/// # Panics
/// If it can't be built, with what was said.
#[track_caller]
pub fn package_with_fault_points() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| match is_long() {
        true => build("package-faults", Some(&optimised_with_fault_points())),
        // The program under test has them.
        false => package().to_owned(),
    })
}

#[track_caller]
fn build(out: &str, program: Option<&Path>) -> PathBuf {
    let root = root();
    // `tests/run` puts cargo-deb there where it is not installed.
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(root.join("target/tools/bin"));
    let build = root.join("packaging/build");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(out);
    let mut command = Command::new(&build);
    if let Some(program) = program {
        command.arg("--binary").arg(program);
    }
    let built = command.env("OUT", &out).env("PATH", path).output();
    let built = built.unwrap_or_else(|e| panic!("{}: {e}", build.display()));
    succeeds("packaging/build", &built);
    let said = String::from_utf8(built.stdout).unwrap();
    let path = PathBuf::from(said.lines().last().unwrap_or_default().trim());
    assert!(
        path.exists(),
        "packaging/build printed no path at its end: {said}"
    );
    path
}

/// A release build with the feature `fault-points`. It is moved away from where everybody looks for the one without.
#[track_caller]
fn optimised_with_fault_points() -> PathBuf {
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--package", "tealkeep", "--bin", "tealkeep"])
        .args(["--features", "fault-points"])
        .current_dir(root())
        .output();
    succeeds("cargo build", &built.unwrap());
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = tmp.join("tealkeep-with-fault-points");
    std::fs::rename(tmp.join("../release/tealkeep"), &program).unwrap();
    program
}

fn root() -> PathBuf {
    tests().parent().unwrap().to_owned()
}
