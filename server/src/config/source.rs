//! The file of the running configuration and the checksum of its text. The text itself may contain secrets and is not kept.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The file of a configuration, and what it contained.
#[derive(Clone, Default)]
pub struct Source {
    /// An absolute path; none for a configuration without a file.
    path: Option<PathBuf>,
    checksum: [u8; 32],
}

/// Not compared: two configurations with the same values are equal, whatever their files.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Source {
    /// The source of a text.
    #[must_use]
    pub fn of(text: &str) -> Source {
        Source {
            path: None,
            checksum: Sha256::digest(text.as_bytes()).into(),
        }
    }

    /// The same text, read from this file.
    #[must_use]
    pub fn at(self, path: &Path) -> Source {
        Source {
            path: std::path::absolute(path).ok(),
            ..self
        }
    }

    /// Whether the file has changed. A file that can't be read counts as unchanged.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let now = self.path.as_ref().and_then(|path| std::fs::read(path).ok());
        now.is_some_and(|text| self.checksum != <[u8; 32]>::from(Sha256::digest(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_in_the_file_is_noticed_and_the_old_one_again_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tealkeep.toml");
        let source = Source::of("one").at(&file);
        assert!(!source.has_changed(), "it is not there");
        for (text, has_changed) in [("one", false), ("two", true), ("", true), ("one", false)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(source.has_changed(), has_changed, "{text}");
        }
        assert!(!Source::of("one").has_changed());
    }
}
