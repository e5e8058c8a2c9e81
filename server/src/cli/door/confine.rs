//! What the rsync behind a door may open: the folders that the request is about and its own program, where the kernel
//! has Landlock (landlock(7)). A link that the app's user put into a release leads rsync nowhere else then, and what a
//! mistake in rsync's own checks would let through is refused by the kernel.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    path_beneath_rules,
};

use super::super::progress::say;

/// Programs, libraries, and how these are found: what rsync needs to run at all.
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

/// Confines this process, and what it becomes, to reading in `read` and writing in `write`. A kernel that knows less
/// confines to what it knows.
pub(super) fn confine(read: &[&Path], write: &[&Path]) {
    if let Err(error) = try_confine(read, write) {
        // The lists of options hold all the same.
        say(format_args!(
            "rsync could not be confined by Landlock: {error}"
        ));
    }
}

fn try_confine(read: &[&Path], write: &[&Path]) -> Result<(), landlock::RulesetError> {
    let abi = ABI::V3;
    let (reads, all) = (AccessFs::from_read(abi), AccessFs::from_all(abi));
    // Paths that are not there are passed over.
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

/// The folder of the rsync that the PATH leads to.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join("rsync").is_file())
}
