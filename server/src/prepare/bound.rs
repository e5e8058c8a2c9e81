//! Finds out whether a result contains the path of the release in which it was made. Such a result works only there: linked into
//! a later release it would keep using the first one's files, and fail with "not found" when that release is removed. A
//! Python venv is the usual case: each of its scripts begins with the path of its own interpreter.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use memchr::memmem::Finder;

/// How much of a file is in memory at a time.
const WINDOW_BYTES: usize = 256 * 1024;

/// Names and endings of files that only a compiler or a developer reads: what a native module's build leaves behind (node-gyp,
/// make, mkmf), and Python's bytecode, whose path Python corrects when it loads it.
const UNREAD_FILES: [&str; 5] = [
    "Makefile",
    "config.gypi",
    "gem_make.out",
    "mkmf.log",
    "compile_commands.json",
];
const UNREAD_ENDINGS: [&str; 4] = ["o", "d", "mk", "pyc"];

/// The first file or link below these entries of a directory that contains the path of another directory, or of the same one;
/// relative to the first.
///
/// A path in a compressed file is not found.
///
/// # Errors
/// Something can't be read.
pub(super) fn first_naming(
    directory: &Path,
    entries: &[PathBuf],
    named: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    let needles = SearchPaths::find(named)?;
    let found = walk_entries(directory, entries, &mut |path, meta| {
        needles.are_in(path, meta)
    })?;
    Ok(found.map(|found| found.strip_prefix(directory).unwrap_or(&found).to_owned()))
}

/// Which of these directories, by index, are named below these entries of a directory. Everything is read once, whatever their
/// number; files of more than `max_bytes` are skipped.
///
/// # Errors
/// Something can't be read.
pub(super) fn all_named(
    directory: &Path,
    entries: &[PathBuf],
    others: &[&Path],
    max_bytes: u64,
) -> anyhow::Result<BTreeSet<usize>> {
    let needles = others.iter().map(|other| SearchPaths::find(other));
    let needles = needles.collect::<anyhow::Result<Vec<_>>>()?;
    let mut named = BTreeSet::new();
    walk_entries(directory, entries, &mut |path, meta| {
        let text = if meta.is_symlink() {
            fs::read_link(path)?.into_os_string().into_vec()
        } else if meta.is_file() && meta.len() <= max_bytes && !is_read_by_no_app(path) {
            let mut text = Vec::new();
            File::open(path)?.take(max_bytes).read_to_end(&mut text)?;
            text
        } else {
            return Ok(false);
        };
        let here = (0..needles.len()).filter(|at| needles[*at].is_in(&text, true));
        named.extend(here);
        Ok(named.len() == needles.len())
    })?;
    Ok(named)
}

/// Called for each file and link; true ends the walk.
type Visit<'a> = &'a mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<bool>;

/// Visits files and links below these entries in the order of their names, and returns the one that ended the walk.
fn walk_entries(
    directory: &Path,
    entries: &[PathBuf],
    visit: Visit<'_>,
) -> anyhow::Result<Option<PathBuf>> {
    for entry in entries {
        let path = directory.join(entry);
        let found = path
            .symlink_metadata()
            .and_then(|meta| walk(&path, &meta, visit))
            .with_context(|| format!("cannot look through {}", path.display()))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn walk(path: &Path, meta: &fs::Metadata, visit: Visit<'_>) -> io::Result<Option<PathBuf>> {
    if !meta.is_dir() {
        return Ok(visit(path, meta)?.then(|| path.to_owned()));
    }
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if let Some(found) = walk(&entry.path(), &entry.metadata()?, visit)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The ways in which the directory may be written.
struct SearchPaths {
    finders: Vec<Finder<'static>>,
    longest: usize,
}

impl SearchPaths {
    fn find(directory: &Path) -> anyhow::Result<SearchPaths> {
        SearchPaths::of(directory)
            .with_context(|| format!("cannot tell where {} is", directory.display()))
    }

    fn of(directory: &Path) -> io::Result<SearchPaths> {
        let mut texts = vec![
            directory.as_os_str().as_bytes().to_owned(),
            directory.canonicalize()?.as_os_str().as_bytes().to_owned(),
        ];
        // Some JSON writers escape slashes.
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
        Ok(SearchPaths {
            finders: finders.collect(),
            longest,
        })
    }

    /// Whether a file or a link contains the directory's path.
    fn are_in(&self, path: &Path, meta: &fs::Metadata) -> io::Result<bool> {
        if meta.is_symlink() {
            let target = fs::read_link(path)?;
            return Ok(self.is_in(target.as_os_str().as_bytes(), true));
        }
        Ok(meta.is_file() && !is_read_by_no_app(path) && self.is_in_file(path)?)
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
            // A path that begins here may continue in the next block, and so may the character after it.
            kept = filled.min(self.longest);
            window.copy_within(filled - kept..filled, 0);
        }
    }

    /// Whether the directory's path occurs here, and not just as the beginning of a longer name. A path that may continue is
    /// checked again with the next block, unless this is the end.
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
    is_one(path.file_name(), &UNREAD_FILES) || is_one(path.extension(), &UNREAD_ENDINGS)
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
    fn several_directories_are_looked_for_at_once_and_large_files_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let others = ["v1", "v2", "v3", "v4"].map(|name| dir.path().join(name));
        for other in &others {
            fs::create_dir(other).unwrap();
        }
        let release = dir.path().join("v9");
        fs::create_dir_all(release.join("made/deep")).unwrap();
        let script = format!("#!{}/x\n", others[0].display());
        fs::write(release.join("made/deep/run"), script).unwrap();
        std::os::unix::fs::symlink(others[2].join("x"), release.join("made/link")).unwrap();
        let mut large = others[3].to_str().unwrap().as_bytes().to_owned();
        large.resize(4097, b'\n');
        fs::write(release.join("made/large"), &large).unwrap();
        let named = |max_bytes| {
            let others = others.each_ref().map(PathBuf::as_path);
            all_named(&release, &["made".into()], &others, max_bytes).unwrap()
        };
        assert_eq!(named(4096), BTreeSet::from([0, 2]));
        assert_eq!(named(4097), BTreeSet::from([0, 2, 3]));
        fs::remove_dir(&others[1]).unwrap();
        let gone = others.each_ref().map(PathBuf::as_path);
        all_named(&release, &["made".into()], &gone, 4096).unwrap_err();
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
