//! Landlock: a domain that grants nothing. Files, TCP ports, abstract sockets and other processes are out of
//! reach, each where the kernel's version knows it (landlock(7)).

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};

use super::unconfined::Unconfined;

/// The newest version whose rights are requested; an older kernel enforces those that it knows.
const NEWEST_ABI: ABI = ABI::V6;

/// How far Landlock holds this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landlock {
    /// Everything that is known here.
    Full,
    /// What this kernel's version knows.
    Partial,
    /// The kernel has no Landlock, or it is switched off.
    Absent,
}

/// Enters a domain without any right.
pub fn deny_all() -> Result<Landlock, Unconfined> {
    let restrict = || -> Result<RulesetStatus, RulesetError> {
        let status = Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST_ABI))?
            .handle_access(AccessNet::from_all(NEWEST_ABI))?
            .scope(Scope::from_all(NEWEST_ABI))?
            .create()?
            .restrict_self()?;
        Ok(status.ruleset)
    };
    match restrict() {
        Ok(RulesetStatus::FullyEnforced) => Ok(Landlock::Full),
        Ok(RulesetStatus::PartiallyEnforced) => Ok(Landlock::Partial),
        Ok(RulesetStatus::NotEnforced) => Ok(Landlock::Absent),
        Err(error) => Err(Unconfined::Landlock(error.to_string())),
    }
}

/// Whether the kernel enforces any rule.
pub fn is_supported() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}
