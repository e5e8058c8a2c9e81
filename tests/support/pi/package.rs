//! The Debian package under test, built once a test run: around the program under test, or, with whole matrices
//! (`tests/run --long`), the one that is published, optimised as that is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{succeeds, tests};
use crate::support::TEALKEEP;
use crate::support::random::is_long;

/// The package, built by `packaging/build`.
///
/// # Panics
/// If it can't be built, with what was said.
#[track_caller]
pub fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let root = tests().parent().unwrap().to_owned();
        // `tests/run` puts cargo-deb there where it is not installed.
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        path.push(":");
        path.push(root.join("target/tools/bin"));
        let build = root.join("packaging/build");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
        let mut command = Command::new(&build);
        if !is_long() {
            command.args(["--binary", TEALKEEP]);
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
    })
}
