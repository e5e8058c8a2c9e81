//! That only what is whole is copied, and that nothing odd about the snapshot before is an error.

use std::fs;

use super::super::catalogue;
use super::super::manifest;
use super::super::member::{Level, Packer};
use super::*;
use tealkeep_words::snapshot::SnapshotId;

/// Three chunks, the last one smaller than the others.
fn chunks() -> [Vec<u8>; 3] {
    [
        vec![1; 65536],
        (0..65536_u32).map(|n| (n % 251) as u8).collect(),
        b"the end".to_vec(),
    ]
}

fn hash(plain: &[u8]) -> Hash {
    blake3::hash(plain).into()
}

fn packed(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut packer = Packer::new(Level::default());
    chunks
        .iter()
        .map(|plain| {
            let mut member = Vec::new();
            packer.pack(plain, hash(plain), &mut member).unwrap();
            member
        })
        .collect()
}

struct Stored {
    dir: tempfile::TempDir,
    members: Vec<Vec<u8>>,
}

impl Stored {
    fn new() -> Stored {
        let stored = Stored {
            dir: tempfile::tempdir().unwrap(),
            members: packed(&chunks()),
        };
        fs::write(stored.path(), stored.members.concat()).unwrap();
        stored
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("before.gz")
    }

    /// Which of the three chunks are copied, each of them rightly.
    fn copied(&self, basis: &Basis) -> [bool; 3] {
        let chunks = chunks();
        std::array::from_fn(|nth| {
            let mut out = b"before".to_vec();
            let header = basis.copy(&hash(&chunks[nth]), &mut out);
            assert!(out.starts_with(b"before"));
            match header {
                Some(header) => {
                    assert_eq!(out[6..], self.members[nth]);
                    assert_eq!(header.plain, hash(&chunks[nth]));
                    true
                }
                None => {
                    assert_eq!(out.len(), 6);
                    false
                }
            }
        })
    }
}

#[test]
fn a_chunk_is_found_by_its_hash_and_copied_as_it_stands() {
    let stored = Stored::new();
    let basis = Basis::open(&stored.path()).unwrap();
    assert_eq!(basis.entries.len(), 3);
    assert_eq!(stored.copied(&basis), [true; 3]);
    let mut out = Vec::new();
    assert_eq!(basis.copy(&hash(b"never seen"), &mut out), None);
    assert!(out.is_empty());
    // Rotation may take the file meanwhile: what is open stays readable.
    fs::remove_file(stored.path()).unwrap();
    assert_eq!(stored.copied(&basis), [true; 3]);
}

#[test]
fn a_byte_that_turned_costs_one_chunk_wherever_it_is() {
    let stored = Stored::new();
    let whole = fs::read(stored.path()).unwrap();
    let second = stored.members[0].len();
    let third = second + stored.members[1].len();
    for at in (second..third).step_by(7).chain([second + 89, third - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        fs::write(stored.path(), &bytes).unwrap();
        let copied = stored.copied(&Basis::open(&stored.path()).unwrap());
        // Where the header itself makes no sense any more, nobody knows where the next one begins.
        let next_is_lost = at < second + 22;
        assert_eq!(copied[..2], [true, false], "{at}");
        assert!(next_is_lost || copied[2], "{at}");
    }
}

#[test]
fn damaged_after_it_was_opened_it_hands_out_nothing_wrong() {
    let stored = Stored::new();
    let basis = Basis::open(&stored.path()).unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(stored.path())
        .unwrap();
    file.write_all_at(&[0xff; 64], 40).unwrap();
    assert_eq!(stored.copied(&basis), [false, true, true]);
    file.set_len(stored.members[0].len() as u64 + 200).unwrap();
    assert_eq!(stored.copied(&basis), [false; 3]);
}

#[test]
fn what_is_cut_off_foreign_or_of_a_later_version_is_less_reuse_and_no_error() {
    let stored = Stored::new();
    let whole = fs::read(stored.path()).unwrap();
    let reusable = |bytes: &[u8]| {
        fs::write(stored.path(), bytes).unwrap();
        Basis::open(&stored.path()).unwrap().entries.len()
    };
    assert_eq!(reusable(&whole[..whole.len() - 1]), 2);
    assert_eq!(reusable(&whole[..50]), 0);
    assert_eq!(reusable(b""), 0);
    assert_eq!(reusable(b"no gzip at all"), 0);
    assert_eq!(reusable(&[&whole[..], b"appended"].concat()), 3);
    let mut later = whole.clone();
    later[16] = 2;
    assert_eq!(reusable(&later), 0);
    assert!(Basis::open(Path::new("/nowhere/at all")).is_err());
}

#[test]
fn the_newest_that_has_chunks_is_taken() {
    let stored = Stored::new();
    let listed = |id: &str, path: PathBuf| Listed {
        manifest: manifest::tests::example(id),
        path,
    };
    let old = stored.dir.path().join("old.gz");
    fs::write(&old, b"\x1f\x8b\x08\0 a member of an earlier version").unwrap();
    let mut catalogue = Catalogue::default();
    let at = |id: &str| id.parse::<SnapshotId>().unwrap().taken_at();
    assert!(Basis::newest(&catalogue, at("2026-11-21T033000Z")).is_none());
    catalogue.entries = vec![
        listed("2026-11-18T033000Z", stored.path()),
        listed("2026-11-19T033000Z", stored.path()),
        listed("2026-11-20T033000Z", old),
        listed(
            "2026-11-21T033000Z",
            catalogue::snapshots(stored.dir.path()),
        ),
    ];
    let newest = Basis::newest(&catalogue, at("2026-11-21T033000Z")).unwrap();
    assert_eq!(
        (newest.path.clone(), newest.entries.len()),
        (stored.path(), 3)
    );

    let ahead = stored.dir.path().join("ahead.gz");
    fs::copy(stored.path(), &ahead).unwrap();
    catalogue
        .entries
        .push(listed("2031-01-01T033000Z", ahead.clone()));
    let of = |now| Basis::newest(&catalogue, now).unwrap().path;
    assert_eq!(of(at("2026-11-21T033000Z")), stored.path());
    assert_eq!(of(at("2031-01-02T033000Z")), ahead);
    // Better than none.
    assert_eq!(of(at("2026-01-01T033000Z")), ahead);
}
