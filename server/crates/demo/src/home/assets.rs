//! Files under `/assets/` carry the hash of their content in their name, so that a browser may cache them
//! forever. A file of another release under the same name is answered too, but must not be cached.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use axum::body::Bytes;
use sha2::{Digest, Sha256};

use super::hex::hex;
use super::release::Release;

/// Length of the hash in a name, in hexadecimal digits.
const HASH_DIGITS: usize = 16;

/// What a release serves besides its pages.
pub(super) struct Assets {
    hashed: BTreeMap<&'static str, Asset>,
    /// The service worker, whose name must never change.
    pub worker: Bytes,
    /// The web app manifest.
    pub manifest: Bytes,
}

/// One file with its public path.
pub(super) struct Asset {
    /// `/assets/<name>.<hash>.<ext>`.
    pub path: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Bytes,
}

/// What a request under `/assets/` found.
pub(super) enum Found<'a> {
    /// Exactly this content, forever.
    Exact(&'a Asset),
    /// The same file with another content: the page came from another release.
    OfAnotherRelease(&'a Asset),
}

impl Assets {
    /// Reads `public/` of the release in `dir` and computes each name.
    ///
    /// # Errors
    /// A file of the release is missing; the message names it.
    pub(super) fn read(dir: &Path, release: &Release) -> anyhow::Result<Assets> {
        let public = dir.join("public");
        let read = |name: &str| {
            let path = public.join(name);
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let mut hashed = BTreeMap::new();
        for (name, media_type, bytes) in [
            ("home.css", "text/css; charset=utf-8", read("home.css")?),
            (
                "home.js",
                "text/javascript; charset=utf-8",
                read("home.js")?,
            ),
            ("icon.svg", "image/svg+xml", read("icon.svg")?),
            ("theme.css", "text/css; charset=utf-8", theme(release)),
        ] {
            hashed.insert(name, Asset::new(name, media_type, bytes));
        }
        let icon = hashed.get("icon.svg").map_or("", |icon| icon.path.as_str());
        let manifest = String::from_utf8(read("manifest.webmanifest")?)
            .context("manifest.webmanifest is not UTF-8")?
            .replace("{{icon.svg}}", icon)
            .replace("{{accent}}", &release.accent);
        Ok(Assets {
            worker: read("sw.js")?.into(),
            manifest: manifest.into(),
            hashed,
        })
    }

    /// The public path of the file `name`, hash included.
    pub(super) fn path(&self, name: &'static str) -> &str {
        self.hashed
            .get(name)
            .map_or("", |asset| asset.path.as_str())
    }

    /// The file at `/assets/<file>`.
    pub(super) fn find(&self, file: &str) -> Option<Found<'_>> {
        let (stem, extension) = file.rsplit_once('.')?;
        let (stem, hash) = stem.rsplit_once('.')?;
        let valid = hash.len() == HASH_DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let asset = self.hashed.get(format!("{stem}.{extension}").as_str())?;
        if asset.path.strip_prefix("/assets/") == Some(file) {
            Some(Found::Exact(asset))
        } else {
            valid.then_some(Found::OfAnotherRelease(asset))
        }
    }
}

impl Asset {
    fn new(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Asset {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let mut hash = hex(&Sha256::digest(&bytes));
        hash.truncate(HASH_DIGITS);
        Asset {
            path: format!("/assets/{stem}.{hash}.{extension}"),
            media_type,
            bytes: bytes.into(),
        }
    }
}

/// The release's colours, which show on a page which release answered.
fn theme(release: &Release) -> Vec<u8> {
    format!(
        ":root {{ --accent: {}; }}\n@media (prefers-color-scheme: dark) {{ :root {{ --accent: {}; }} }}\n",
        release.accent, release.accent_dark
    )
    .into_bytes()
}
