//! The first line of every printed file: the version that printed it and the checksum of the rest. It distinguishes a file that
//! nobody has touched, which may be replaced, from one that a person has changed, which may not.

use sha2::{Digest, Sha256};

use super::context::UnitContext;
use super::printed::{Place, Printed};
use crate::config::USER;

/// The text between the comment sign and the version.
const LEAD: &str = " Printed by tealkeep ";
/// The text between the version and the checksum.
const SUM: &str = ", sha256 ";
/// The name of the list of checksums for `--only`.
pub(super) const SUMS: &str = "sums";
/// The group that reads the list: the one that can read the configuration.
const SUMS_GROUP: &str = USER;

/// How a file on the disk compares with what would be printed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has today's content, whatever version printed it.
    Current,
    /// Nobody has changed it since it was printed, and today's content differs: it may be replaced.
    Older,
    /// A person changed it after it was printed with today's content: it lacks only what that person removed.
    Edited,
    /// A person changed it after it was printed, and it does not match today's configuration.
    EditedAndOlder,
    /// It has no checksum and does not match today's configuration: a version without checksums printed it, or a person wrote
    /// or changed it. Nobody can tell which.
    Unmarked,
}

/// Prepends the line to a file's content. polkit's rules are JavaScript; all others begin a comment with `#`.
pub(super) fn mark(file: &mut Printed) {
    let comment = match file.path.ends_with(".rules") {
        true => "//",
        false => "#",
    };
    let version = env!("CARGO_PKG_VERSION");
    let sum = checksum(&file.body);
    file.body = format!("{comment}{LEAD}{version}{SUM}{sum}\n{}", file.body);
}

/// How `there`, the file on the disk, compares with `now`, what would be printed.
#[must_use]
pub fn standing(there: &str, now: &str) -> Standing {
    let (_, wanted) = split(now);
    let (claimed, rest) = split(there);
    if rest == wanted {
        return Standing::Current;
    }
    match claimed {
        Some(sum) if sum == checksum(rest) => Standing::Older,
        Some(sum) if sum == checksum(wanted) => Standing::Edited,
        Some(_) => Standing::EditedAndOlder,
        None => Standing::Unmarked,
    }
}

/// The checksum in the first line, and the rest; without a checksum, everything.
fn split(text: &str) -> (Option<&str>, &str) {
    let Some((line, rest)) = text.split_once('\n') else {
        return (None, text);
    };
    let claim = line
        .trim_start_matches(['#', '/'])
        .strip_prefix(LEAD)
        .and_then(|line| line.split_once(SUM));
    match claim {
        Some((_, sum)) => (Some(sum), rest),
        None => (None, text),
    }
}

/// The checksum of a printed file without its first line.
pub(super) fn content_checksum(printed: &str) -> String {
    checksum(split(printed).1)
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The list of the checksums of files that Tealkeep's user can't read, so that the running server can tell whether they match
/// its configuration. Everybody who can read it can also read the configuration with its secrets.
pub(super) fn sums(context: &UnitContext<'_>, files: &[Printed]) -> Option<Printed> {
    let hidden = files
        .iter()
        .filter(|file| file.place == Place::Machine && file.bits() & 0o004 == 0);
    let lines: String = hidden
        .map(|file| format!("{}  {}\n", content_checksum(&file.body), file.path))
        .collect();
    (!lines.is_empty()).then(|| Printed {
        name: SUMS.to_owned(),
        path: format!("/etc/tealkeep/{}.sums", context.name()),
        place: Place::Machine,
        mode: "0640",
        group: SUMS_GROUP,
        body: format!(
            "# The checksums of the files that {SUMS_GROUP} cannot read itself, each without its first line.\n{lines}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(path: &str, body: &str) -> String {
        let mut file = Printed::open("x".into(), path.into(), Place::Machine, body.into());
        mark(&mut file);
        file.body
    }

    #[test]
    fn what_nobody_has_touched_is_told_from_what_a_person_changed() {
        for path in [
            "/etc/systemd/system/home-blue.service",
            "/etc/polkit-1/rules.d/50-x.rules",
        ] {
            let (old, now) = (printed(path, "one\n"), printed(path, "two\n"));
            assert_eq!(standing(&now, &now), Standing::Current);
            assert_eq!(standing(&old, &now), Standing::Older);
            assert_eq!(
                standing(&(now.clone() + "# mine\n"), &now),
                Standing::Edited
            );
            assert_eq!(
                standing(&(old.clone() + "# mine\n"), &now),
                Standing::EditedAndOlder
            );
            // Another version printed the same.
            let other = now.replace(env!("CARGO_PKG_VERSION"), "99.0.0");
            assert_ne!(other, now);
            assert_eq!(standing(&other, &now), Standing::Current);
            // From before there was such a line, and by hand.
            assert_eq!(standing("two\n", &now), Standing::Current);
            assert_eq!(standing("one\n", &now), Standing::Unmarked);
            assert_eq!(standing("", &now), Standing::Unmarked);
            // A line that lies.
            let lies = format!("{}\nthree\n", now.lines().next().unwrap());
            assert_eq!(standing(&lies, &now), Standing::Edited);
        }
    }
}
