//! The files of a release's directory beside what a site serves: the same path with other bytes.

use std::path::{Path, PathBuf};

use url::Url;

use super::digest;

/// How many files are looked at, and how deep.
const MAX_FILES: usize = 50_000;
const MAX_DEPTH: usize = 12;
/// What a build does not serve.
const SKIPPED_FOLDERS: &[&str] = &["node_modules", ".git", "src", "target", "vendor"];

/// Which of these URLs have a file in the directory, under the same path, whose bytes are others: with the proof
/// in a sentence. A URL that several files could answer, one of them with the same bytes, is not proven.
pub(super) fn other_bytes(folder: &Path, served: &[(Url, Vec<u8>)]) -> Vec<(Url, String)> {
    let mut files = Vec::new();
    walk(folder, 0, &mut files);
    served
        .iter()
        .filter_map(|(url, body)| {
            let suffix = suffix(url)?;
            // Below a folder the whole path must be there; a bare name only at the top of what is served.
            let mut matching = files.iter().filter(|file| file.ends_with(&suffix));
            let first = matching.next()?;
            if matching.next().is_some() {
                return None;
            }
            let root = first.strip_prefix(folder).ok()?;
            let depth = root.components().count() - suffix.components().count();
            if suffix.components().count() == 1 && depth > 2 {
                return None;
            }
            let there = std::fs::read(first).ok()?;
            (there != *body).then(|| {
                let proof = format!(
                    "{} in the other release has other bytes ({} of them, here {}): {} there, {} here",
                    root.display(),
                    there.len(),
                    body.len(),
                    digest::short(&there),
                    digest::short(body),
                );
                (url.clone(), proof)
            })
        })
        .collect()
}

/// The path of a URL as a relative one of the file system; `/_next/static/` lies in `.next/static/`.
fn suffix(url: &Url) -> Option<PathBuf> {
    let path = url.path().trim_start_matches('/');
    let path = match path.strip_prefix("_next/") {
        Some(rest) => format!(".next/{rest}"),
        None => path.to_owned(),
    };
    let is_plain = !path.is_empty()
        && !path.contains('%')
        && path.split('/').all(|part| !part.is_empty() && part != "..");
    is_plain.then(|| PathBuf::from(path))
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    // A folder that can't be read proves nothing.
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if files.len() >= MAX_FILES {
            return;
        }
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir()
            && depth < MAX_DEPTH
            && !SKIPPED_FOLDERS
                .iter()
                .any(|name| entry.file_name() == *name)
        {
            walk(&entry.path(), depth + 1, files);
        }
    }
}
