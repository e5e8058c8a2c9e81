//! What rsync's receiver may request from its sender here: a list of options that change how it reads and reports, none that
//! writes, follows links or names other files, and paths in one folder only.

use std::path::Path;

/// Short options without a value, as rsync sends `-a` and similar options. Without `s` (the arguments would bypass this
/// list), and without `K`, `L` and `k`, which follow links.
const SHORT: &str = "ACDEHIJNORSUWXbcdgilmnopqrtuvxyz";

/// Long options without a value.
const LONG: [&str; 42] = [
    "--append",
    "--delay-updates",
    "--delete",
    "--delete-after",
    "--delete-before",
    "--delete-delay",
    "--delete-during",
    "--delete-excluded",
    "--delete-missing-args",
    "--existing",
    "--fake-super",
    "--force",
    "--fsync",
    "--fuzzy",
    "--group",
    "--hard-links",
    "--ignore-errors",
    "--ignore-existing",
    "--ignore-missing-args",
    "--inplace",
    "--links",
    "--list-only",
    "--msgs2stderr",
    "--new-compress",
    "--no-W",
    "--no-implied-dirs",
    "--no-msgs2stderr",
    "--no-r",
    "--no-relative",
    "--no-specials",
    "--numeric-ids",
    "--old-compress",
    "--one-file-system",
    "--owner",
    "--partial",
    "--perms",
    "--recursive",
    "--safe-links",
    "--size-only",
    "--specials",
    "--stats",
    "--times",
];

/// Long options with a value that is never a path.
const WITH_VALUE: [&str; 18] = [
    "--block-size",
    "--bwlimit",
    "--checksum-choice",
    "--checksum-seed",
    "--compress-choice",
    "--compress-level",
    "--compress-threads",
    "--debug",
    "--info",
    "--log-format",
    "--max-alloc",
    "--max-delete",
    "--max-size",
    "--min-size",
    "--modify-window",
    "--skip-compress",
    "--stderr",
    "--timeout",
];

/// Checks the arguments after `rsync --server` and returns those for rsync, whose working directory is `folder` (a path
/// without links). `/` and an empty path mean that folder, as with rrsync.
///
/// # Errors
/// Why not, in words.
pub fn check(words: &[&str], folder: &Path) -> Result<Vec<String>, String> {
    let mut words = words.iter().copied();
    if words.next() != Some("--sender") {
        return Err("this key may only read; rsync cannot write here".to_owned());
    }
    let mut arguments = vec!["--sender".to_owned()];
    loop {
        let word = words.next().ok_or("rsync got no path to read")?;
        arguments.push(word.to_owned());
        if word == "." {
            break;
        }
        if !(LONG.contains(&word) || is_short(word) || has_plain_value(word)) {
            return Err(format!("this key may not use rsync's option {word}"));
        }
    }
    let begin = arguments.len();
    for path in words {
        arguments.extend(rooted(path, folder)?);
    }
    if arguments.len() == begin {
        return Err("rsync got no path to read".to_owned());
    }
    Ok(arguments)
}

/// A bundle of known short options, possibly followed by the client's capabilities (`-logDtpre.iLsfxCIvu`) or a number
/// (`-B4096`, `-@-1`).
fn is_short(word: &str) -> bool {
    let Some(bundle) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
        return false;
    };
    let ends = bundle.find(['e', 'B', '@']).unwrap_or(bundle.len());
    let (options, end) = bundle.split_at(ends);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let ends_well = match end.split_at_checked(1) {
        None => true,
        Some(("e", can)) => can.split_once('.').is_some_and(|(protocol, can)| {
            protocol.bytes().all(|b| b.is_ascii_digit())
                && can.bytes().all(|b| b.is_ascii_alphanumeric())
        }),
        Some(("B", size)) => digits(size),
        Some((_, window)) => digits(window.strip_prefix('-').unwrap_or(window)),
    };
    options.chars().all(|c| SHORT.contains(c)) && ends_well
}

fn has_plain_value(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, value)| {
        WITH_VALUE.contains(&name)
            && value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"%+-.,:_ ".contains(&b))
    })
}

/// A path of the other side, for rsync: below the folder, and never mistaken for an option. A pattern in the last name is
/// expanded, as a shell would do; rsync itself reports what does not exist.
fn rooted(path: &str, folder: &Path) -> Result<Vec<String>, String> {
    let wrong = || format!("{path} is outside of the backups folder; / means that folder here");
    let names: Vec<&str> = path
        .split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .collect();
    if names.contains(&"..") {
        return Err(wrong());
    }
    let Some((last, above)) = names.split_last() else {
        return Ok(vec!["./".to_owned()]);
    };
    let below: String = above.iter().map(|name| format!("{name}/")).collect();
    let found = match last.contains(['*', '?']) {
        true => fitting(last, &folder.join(&below)),
        false => Vec::new(),
    };
    let found = if found.is_empty() {
        vec![(*last).to_owned()]
    } else {
        found
    };
    let end = if path.ends_with('/') { "/" } else { "" };
    found
        .into_iter()
        .map(|name| {
            // The tiers' links lead inside; a link that leads elsewhere would not be Tealkeep's.
            match folder.join(&below).join(&name).canonicalize() {
                Ok(real) if !real.starts_with(folder) => Err(wrong()),
                _ => Ok(format!("./{below}{name}{end}")),
            }
        })
        .collect()
}

fn fitting(pattern: &str, folder: &Path) -> Vec<String> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && fits(pattern.as_bytes(), name.as_bytes()))
        .collect();
    names.sort_unstable();
    names
}

/// Whether a name matches a pattern of `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    // The position of the last star, and how much of the name it has matched: two indices, so no pattern takes long.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A backups folder with one snapshot, a tier's link to it, and a link that leads out.
    fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        for name in ["snapshots", "daily"] {
            std::fs::create_dir(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join("snapshots/a.gz"), "a").unwrap();
        std::fs::write(folder.join("snapshots/b.gz"), "b").unwrap();
        std::os::unix::fs::symlink("../snapshots/a.gz", folder.join("daily/a.gz")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.join("out")).unwrap();
        (dir, folder)
    }

    fn checked(asked: &str) -> Result<Vec<String>, String> {
        let (_dir, folder) = folder();
        let words = shell_words::split(asked).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        check(&words, &folder)
    }

    #[test]
    fn what_a_pull_and_a_plain_rsync_ask_for_is_allowed() {
        for asked in [
            // What `tealkeep pull` sends.
            "--sender -ltre.iLsfxCIvu --timeout=300 . /",
            "--sender -tIe.LsfxCIvu -B4096 --timeout=300 --ignore-missing-args . /snapshots/a.gz",
            // rsync -a, -avzHAXn --delete, with limits, checksums and partial files, a listing; versions 3.1 to 3.5.
            "--sender -logDtpre.iLsfxCIvu . /",
            "--sender -logDtpre.iLsfxC --timeout=300 . /",
            "--sender -vnlHogDtpAXrze.iLsfxCIvu . /",
            "--sender -logDtprce.iLsfxCIvu --bwlimit=100 . /",
            "--sender -logDtprze31.14 --compress-choice=zstd --compress-level=3 . /",
            "--sender -de.LsfxCIvu . /",
            "--sender -logDtpRre.iLsfxCIvu --no-implied-dirs . /daily/",
            "--sender -e.LsfxCIvu . 'snapshots/a.gz' /snapshots/b.gz",
        ] {
            assert!(checked(asked).is_ok(), "{asked}: {:?}", checked(asked));
        }
    }

    #[test]
    fn the_folder_is_the_root_of_all_paths() {
        let paths = |asked: &str| {
            let checked = checked(&format!("--sender -re.x . {asked}")).unwrap();
            checked[3..].join(" ")
        };
        for (asked, read) in [
            ("/", "./"),
            (".", "./"),
            ("''", "./"),
            ("//./", "./"),
            ("/snapshots", "./snapshots"),
            ("snapshots/", "./snapshots/"),
            ("/daily/a.gz", "./daily/a.gz"),
            ("--remove-source-files", "./--remove-source-files"),
            ("/-x", "./-x"),
            ("'/snapshots/*.gz'", "./snapshots/a.gz ./snapshots/b.gz"),
            ("'snapshots/?.gz'", "./snapshots/a.gz ./snapshots/b.gz"),
            ("'/snapshots/*.zip'", "./snapshots/*.zip"),
            ("/none", "./none"),
        ] {
            assert_eq!(paths(asked), read, "{asked}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for asked in [
            "",
            "--sender",
            "--sender -e.x .",
            "-logDtpre.iLsfxCIvu . /",
            "-logDtpre.iLsfxCIvu --sender . /",
            "--sender -logDtpre.iLsfxCIvu . /../",
            "--sender -logDtpre.iLsfxCIvu . snapshots/../../etc",
            "--sender -logDtpre.iLsfxCIvu . / ..",
            "--sender -logDtpre.iLsfxCIvu . /out",
            "--sender -logDtpre.iLsfxCIvu . /out/passwd",
            "--sender -logDtpre.iLsfxCIvu . '/ou*/'",
            "--sender -logDtpre.iLsfxCIvu --remove-source-files . /",
            "--sender -logDtpre.iLsfxCIvu --remove-sent-files . /",
            "--sender -logDtpre.iLsfxCIvu --files-from=/etc/shadow . /",
            "--sender -logDtpre.iLsfxCIvu --files-from=- --from0 . /",
            "--sender -logDtpre.iLsfxCIvu --log-file=/tmp/x . /",
            "--sender -logDtpre.iLsfxCIvu --log-format=/tmp/x . /",
            "--sender -logDtpre.iLsfxCIvu --write-devices . /",
            "--sender -logDtpre.iLsfxCIvu --copy-devices . /",
            "--sender -logDtpre.iLsfxCIvu --copy-unsafe-links . /",
            "--sender -logDtpre.iLsfxCIvu --copy-links . /",
            "--sender -logDtpre.iLsfxCIvu --only-write-batch=x . /",
            "--sender -logDtpre.iLsfxCIvu --iconv=. . /",
            "--sender -logDtpre.iLsfxCIvu --daemon . /",
            "--sender -logDtpre.iLsfxCIvu --config=/tmp/x . /",
            "--sender -logDtpre.iLsfxCIvu --rsh=sh . /",
            "--sender -logDtpre.iLsfxCIvu --temp-dir=/etc . /",
            "--sender -logDtpre.iLsfxCIvu --partial-dir=/etc . /",
            "--sender -LlogDtpre.iLsfxCIvu . /",
            "--sender -klogDtpre.iLsfxCIvu . /",
            "--sender -KlogDtpre.iLsfxCIvu . /",
            "--sender -slogDtpre.iLsfxCIvu . /",
            "--sender -slogDtpre.iLsfxCIvu",
            "--sender -e sh . /",
            "--sender -esh . /",
            "--sender '-e.i;id' . /",
            "--sender -Bx . /",
            "--sender - . /",
            "--sender -M--daemon . /",
            "--sender -f'merge /etc/passwd' . /",
            "--sender --server . /",
        ] {
            assert!(checked(asked).is_err(), "{asked}");
        }
    }

    #[test]
    fn a_pattern_fits_as_in_a_shell() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("*.gz", "a.gz", true),
            ("*.gz", "a.gz.x", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("?", "", false),
            ("2026-??-*", "2026-11-21T", true),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                wanted,
                "{pattern} {name}"
            );
        }
    }
}
