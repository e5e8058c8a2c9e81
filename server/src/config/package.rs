//! Where the package puts things, and the users and groups that it creates. Its units and its sysusers.d file contain the same values.

/// The packaged server's configuration.
pub const DEFAULT_CONFIG: &str = "/etc/tealkeep/tealkeep.toml";
/// The packaged server's socket.
pub const DEFAULT_SOCKET: &str = "/run/tealkeep/control.sock";
/// The folder of the packaged server's journal.
pub const DEFAULT_STATE: &str = "/var/lib/tealkeep";
/// The packaged server's spool, in which laptops report their pulls.
pub const DEFAULT_SPOOL: &str = "/var/spool/tealkeep";
/// Tealkeep's user and group.
pub const USER: &str = "tealkeep";
/// The group that may read backups.
pub const BACKUP_GROUP: &str = "tealkeep-backup";
/// The user as whom the laptop pulls.
pub const BACKUP_USER: &str = "tealkeep-backup";
