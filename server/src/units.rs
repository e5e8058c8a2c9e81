//! What an app needs on the machine besides the package: units, a polkit rule, the router's files and the laptop's, rendered
//! only from the configuration. Nothing here writes files, and only [`outdated`] reads any.

mod colour;
mod commands;
mod context;
mod entrance;
mod environment;
mod laptop;
mod marked;
mod outdated;
mod polkit;
mod printed;
pub mod quote;
mod sheet;
mod supervisor;
mod work;

pub use commands::{Folder, folders, join_group, mend_backups, mend_files, secure};
pub use laptop::{
    DEPLOY_KEYS, DOOR, PULL_KEYS, door_for_pulling, one_line as pull_line, plain_line,
};
pub use marked::{Standing, standing};
pub use outdated::{Outdated, outdated};
/// The polkit verbs that Tealkeep may use on an app's units.
pub use polkit::VERBS;
pub use printed::{Place, Printed, is_deployed};
pub use quote::Unwritable;
pub use sheet::{NoUnits, Sheet, sheet};
