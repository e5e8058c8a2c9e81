//! Whether what a preparation made names the path of the release that it was made in. Such a result works there and
//! nowhere else: linked into a later release it would go on using the first one's files, and stop with a "not found"
//! on the day on which that release is removed. A Python venv is the usual case: each of its scripts begins with the
//! path of its own interpreter.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use memchr::memmem::Finder;

/// How much of a file is in memory at a time.
const WINDOW_BYTES: usize = 256 * 1024;

/// Names and endings of what only a compiler, or whoever looks for a mistake, reads: what a native module's build
/// leaves behind (node-gyp, make, mkmf), and Python's bytecode, in which the path is corrected as it is loaded.
const READ_BY_NO_APP: [&str; 5] = [
    "Makefile",
    "config.gypi",
    "gem_make.out",
    "mkmf.log",
    "compile_commands.json",
];
const ENDINGS_READ_BY_NO_APP: [&str; 4] = ["o", "d", "mk", "pyc"];

/// The first file or link below these entries of a directory that names another directory, or the same one; relative
/// to the first.
///
/// A name in a compressed file is not seen.
///
/// # Errors
/// Something can't be read.
pub(super) fn first_naming(
    directory: &Path,
    entries: &[PathBuf],
    named: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let needles =
        Needles::of(named).with_context(|| format!("cannot tell where {} is", named.display()))?;
    for entry in entries {
        let path = directory.join(entry);
        let found = path
            .symlink_metadata()
            .and_then(|meta| needles.look(&path, &meta))
            .with_context(|| format!("cannot look through {}", path.display()))?;
        if let Some(found) = found {
            let found = found.strip_prefix(directory).unwrap_or(&found);
            return Ok(Some(found.to_owned()));
        }
    }
    Ok(None)
}

/// The ways in which the directory may be written.
struct Needles {
    finders: Vec<Finder<'static>>,
    longest: usize,
}

impl Needles {
    fn of(directory: &Path) -> io::Result<Needles> {
        let mut texts = vec![
            directory.as_os_str().as_bytes().to_owned(),
            directory.canonicalize()?.as_os_str().as_bytes().to_owned(),
        ];
        // As some writers of JSON have it.
        let escaped = |text: &Vec<u8>| {
            text.split(|byte| *byte == b'/')
                .collect::<Vec<_>>()
                .join(&b"\\/"[..])
        };
        texts.extend(texts.iter().map(escaped).collect::<Vec<_>>());
        texts.sort();
        texts.dedup();
        let longest = texts.iter().map(Vec::len).max().unwrap_or_default();
        let finders = texts.iter().map(|text| Finder::new(text).into_owned());
        Ok(Needles {
            finders: finders.collect(),
            longest,
        })
    }

    fn look(&self, path: &Path, meta: &fs::Metadata) -> io::Result<Option<PathBuf>> {
        if meta.is_symlink() {
            let target = fs::read_link(path)?;
            let is_named = self.is_in(target.as_os_str().as_bytes(), true);
            return Ok(is_named.then(|| path.to_owned()));
        }
        if meta.is_dir() {
            let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                if let Some(found) = self.look(&entry.path(), &entry.metadata()?)? {
                    return Ok(Some(found));
                }
            }
            return Ok(None);
        }
        let is_named = meta.is_file() && !is_read_by_no_app(path) && self.is_in_file(path)?;
        Ok(is_named.then(|| path.to_owned()))
    }

    fn is_in_file(&self, path: &Path) -> io::Result<bool> {
        let mut file = File::open(path)?;
        let mut window = vec![0; WINDOW_BYTES];
        let mut kept = 0;
        loop {
            let read = match file.read(&mut window[kept..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let filled = kept + read;
            if self.is_in(&window[..filled], read == 0) {
                return Ok(true);
            }
            if read == 0 {
                return Ok(false);
            }
            // A name that began here may end in what comes next, and so may what follows it.
            kept = filled.min(self.longest);
            window.copy_within(filled - kept..filled, 0);
        }
    }

    /// Whether the directory is named here, and no other one whose name only begins like it. What may go on is
    /// looked at once more with what follows, unless this is the end.
    fn is_in(&self, bytes: &[u8], is_end: bool) -> bool {
        self.finders.iter().any(|finder| {
            finder
                .find_iter(bytes)
                .any(|at| match bytes.get(at + finder.needle().len()) {
                    Some(next) => !(next.is_ascii_alphanumeric() || b"._-".contains(next)),
                    None => is_end,
                })
        })
    }
}

fn is_read_by_no_app(path: &Path) -> bool {
    let is_one = |part: Option<&std::ffi::OsStr>, known: &[&str]| {
        part.and_then(std::ffi::OsStr::to_str)
            .is_some_and(|part| known.contains(&part))
    };
    is_one(path.file_name(), &READ_BY_NO_APP) || is_one(path.extension(), &ENDINGS_READ_BY_NO_APP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(write: impl FnOnce(&Path, &str)) -> Option<PathBuf> {
        let dir = tempfile::tempdir().unwrap();
        let release = dir.path().canonicalize().unwrap().join("v1");
        fs::create_dir_all(release.join("made/deep")).unwrap();
        write(&release.join("made"), release.to_str().unwrap());
        first_naming(&release, &["made".into()], &release).unwrap()
    }

    #[test]
    fn a_path_is_found_wherever_it_stands() {
        let at = |name: &str| Some(Path::new("made").join(name));
        let script = found(|made, own| {
            fs::write(made.join("deep/run"), format!("#!{own}/made/python\n")).unwrap();
        });
        assert_eq!(script, at("deep/run"));
        let link = found(|made, own| {
            std::os::unix::fs::symlink(format!("{own}/made/deep"), made.join("link")).unwrap();
        });
        assert_eq!(link, at("link"));
        let json = found(|made, own| {
            let text = format!("{{\"home\":\"{}\"}}", own.replace('/', "\\/"));
            fs::write(made.join("a.json"), text).unwrap();
        });
        assert_eq!(json, at("a.json"));
        let last = found(|made, own| fs::write(made.join("last"), own).unwrap());
        assert_eq!(last, at("last"));
        // In a binary file, across the edge of what is read at once, whichever byte that falls on.
        for before in [0, 1, 20, 60] {
            let binary = found(|made, own| {
                let mut bytes = vec![0xff; WINDOW_BYTES - before];
                bytes.extend(own.as_bytes());
                bytes.push(0);
                bytes.extend(vec![0xff; 2 * WINDOW_BYTES]);
                fs::write(made.join("addon.node"), bytes).unwrap();
            });
            assert_eq!(binary, at("addon.node"), "{before}");
        }
    }

    #[test]
    fn what_is_no_name_of_it_is_not_taken_for_one() {
        let nothing = found(|made, own| {
            let other = format!("{own}0/x {own}.1 {own}-rc {own}_b /v1 v1");
            fs::write(made.join("others"), other).unwrap();
            for name in ["Makefile", "config.gypi", "a.o", "a.d", "m.pyc", "mkmf.log"] {
                fs::write(made.join(name), format!("{own}/src")).unwrap();
            }
            fs::write(made.join("empty"), "").unwrap();
            std::os::unix::fs::symlink("../made", made.join("link")).unwrap();
        });
        assert_eq!(nothing, None);
    }

    #[test]
    fn a_folder_that_is_reached_by_a_link_is_known_by_both_names() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap().join("disk");
        fs::create_dir_all(real.join("v1/made")).unwrap();
        let link = dir.path().join("releases");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for name in [&real, &link] {
            let text = format!("{}/v1/made", name.display());
            fs::write(real.join("v1/made/cfg"), text).unwrap();
            let found = first_naming(&link.join("v1"), &["made".into()], &link.join("v1")).unwrap();
            assert_eq!(found, Some("made/cfg".into()));
        }
    }
}
