//! Restricts what rsync may open to the folders of the request and its own program, if the kernel has Landlock
//! (landlock(7)). A link that the app's user put into a release then leads rsync nowhere else, and the kernel refuses what a
//! bug in rsync's own checks would allow.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    path_beneath_rules,
};

use super::super::progress::say;

/// Programs, libraries, and the files to find them: what rsync needs to run at all.
const TO_RUN: [&str; 8] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
];

/// Restricts this process, and the program that replaces it, to reading in `read` and writing in `write`, as far as the
/// kernel supports it.
pub(super) fn confine(read: &[&Path], write: &[&Path]) {
    if let Err(error) = try_confine(read, write) {
        // The lists of options apply nevertheless.
        say(format_args!(
            "rsync could not be confined by Landlock: {error}"
        ));
    }
}

fn try_confine(read: &[&Path], write: &[&Path]) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V3;
    let (reads, all) = (AccessFs::from_read(abi), AccessFs::from_all(abi));
    // Missing paths are skipped.
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .create()?
        .add_rules(path_beneath_rules(
            TO_RUN.iter().map(PathBuf::from).chain(program()),
            reads,
        ))?
        .add_rules(path_beneath_rules(["/dev/null"], all))?
        .add_rules(path_beneath_rules(read, reads))?
        .add_rules(path_beneath_rules(write, all))?
        .restrict_self()?;
    Ok(())
}

/// The folder of the rsync in the PATH.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join("rsync").is_file())
}
