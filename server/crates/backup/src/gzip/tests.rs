//! Pages into files and back, with the tools that people have, and with every kind of damage.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use proptest::prelude::*;

use super::super::basis::Basis;
use super::super::member::{CHUNK_BYTES, Flaw, Level};
use super::super::watch::{Cancel, Stage, Watch};
use super::*;

/// Pages that lie in memory.
struct Pages {
    plain: Vec<u8>,
    page_bytes: usize,
    next: usize,
}

impl PageSource for Pages {
    fn next_page(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        let page = self.plain.get(self.next..self.next + self.page_bytes);
        self.next += self.page_bytes;
        Ok(page)
    }

    fn plain_bytes(&self) -> u64 {
        self.plain.len() as u64
    }
}

/// What looks like a database of so many pages, each of them another one.
fn database(pages: usize, page_bytes: usize) -> Vec<u8> {
    let mut plain = vec![0; pages * page_bytes];
    for (nth, page) in plain.chunks_mut(page_bytes).enumerate() {
        for (at, byte) in page.iter_mut().enumerate() {
            *byte = (nth * 31 + at / 7 * (nth % 5)) as u8;
        }
        page[..8].copy_from_slice(&nth.to_be_bytes());
    }
    if pages > 0 {
        plain[..16].copy_from_slice(b"SQLite format 3\0");
        plain[16..18].copy_from_slice(&(page_bytes as u16).to_be_bytes());
    }
    plain
}

fn with_watch<T>(work: impl FnOnce(&mut Watch<'_>) -> T) -> T {
    let mut tell = |_| {};
    work(&mut Watch::new(
        &mut tell,
        Cancel::never(),
        Duration::from_secs(300),
    ))
}

fn packed(plain: &[u8], page_bytes: usize, basis: Option<&Basis>) -> (File, Written, Receipt) {
    let mut file = tempfile::tempfile().unwrap();
    let mut pages = Pages {
        plain: plain.to_vec(),
        page_bytes,
        next: 0,
    };
    let (written, receipt) =
        with_watch(|watch| compress(&mut pages, &mut file, Level::default(), basis, watch))
            .unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    (file, written, receipt)
}

fn bytes_of(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn unpacked(bytes: &[u8], limit: Limit) -> Result<(Written, Vec<u8>), UnpackError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut out = Vec::new();
    with_watch(|watch| unpack(&file, &mut out, limit, Stage::Unpacking, watch))
        .map(|written| (written, out))
}

fn fault(bytes: &[u8]) -> Fault {
    match unpacked(bytes, Limit::Disk(1 << 30)) {
        Err(UnpackError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn proven(bytes: &[u8], receipt: &Receipt) -> bool {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    with_watch(|watch| prove(&file, receipt, watch)).unwrap_or(false)
}

fn plain_gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_size_comes_back_and_the_usual_tools_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.gz");
    for (pages, page_bytes) in [
        (0, 4096),
        (1, 512),
        (1, 65536),
        (3, 65536),
        (16, 4096),
        (17, 4096),
        (700, 1024),
        (1500, 4096),
    ] {
        let plain = database(pages, page_bytes);
        let (file, written, receipt) = packed(&plain, page_bytes, None);
        let bytes = bytes_of(&file);
        assert_eq!(written.bytes, bytes.len() as u64);
        assert_eq!(written.plain_bytes, plain.len() as u64);
        let chunks = plain.len().div_ceil(CHUNK_BYTES).max(1) as u64;
        assert_eq!(
            written.chunks,
            Chunks {
                total: chunks,
                reused: 0
            }
        );
        assert!(proven(&bytes, &receipt));
        let (read, out) = unpacked(&bytes, Limit::Manifest(plain.len() as u64)).unwrap();
        assert!(out == plain, "{pages} pages of {page_bytes}");
        assert_eq!(read, written);

        std::fs::write(&path, &bytes).unwrap();
        for (tool, args) in [
            ("gunzip", &["-c"][..]),
            (
                "python3",
                &[
                    "-c",
                    "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())",
                ],
            ),
        ] {
            let said = Command::new(tool).args(args).arg(&path).output().unwrap();
            assert!(said.status.success(), "{tool}: {said:?}");
            assert!(said.stdout == plain, "{tool}: {pages} of {page_bytes}");
        }
        let sums = Command::new("sha256sum").arg(&path).output().unwrap();
        assert_eq!(sums.stdout[..64], *written.sha256.as_bytes());
    }
}

#[test]
fn the_second_time_only_what_changed_is_packed_and_the_file_is_the_same_as_if_all_were() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("before.gz");
    let mut plain = database(1500, 4096);
    let (file, ..) = packed(&plain, 4096, None);
    std::fs::write(&path, bytes_of(&file)).unwrap();
    let basis = Basis::open(&path).unwrap();

    let (_, same, receipt) = packed(&plain, 4096, Some(&basis));
    assert_eq!(same.chunks.reused, same.chunks.total);
    assert_eq!(receipt.fresh, vec![false; 94]);

    plain[40 * CHUNK_BYTES + 77] ^= 1;
    plain.extend_from_slice(&[5; 4096]);
    let (with, written, receipt) = packed(&plain, 4096, Some(&basis));
    let (without, anew, _) = packed(&plain, 4096, None);
    assert_eq!((written.chunks.total, written.chunks.reused), (94, 92));
    let fresh: Vec<usize> = (0..94).filter(|&nth| receipt.fresh[nth]).collect();
    assert_eq!(fresh, [40, 93]);
    assert!(bytes_of(&with) == bytes_of(&without));
    assert_eq!(written.sha256, anew.sha256);
    assert_eq!(written.content_blake3, anew.content_blake3);
    assert!(proven(&bytes_of(&with), &receipt));
}

#[test]
fn reading_back_finds_any_byte_that_is_not_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("before.gz");
    let plain = database(100, 4096);
    let (file, _, fresh) = packed(&plain, 4096, None);
    let bytes = bytes_of(&file);
    std::fs::write(&path, &bytes).unwrap();
    let (_, _, copied) = packed(&plain, 4096, Some(&Basis::open(&path).unwrap()));
    for receipt in [fresh, copied] {
        for at in (0..bytes.len()).step_by(311).chain([bytes.len() - 1]) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 4;
            assert!(!proven(&bytes, &receipt), "byte {at}");
        }
        assert!(!proven(&bytes[..bytes.len() - 1], &receipt));
        assert!(!proven(&[&bytes[..], &bytes[..]].concat(), &receipt));
        // A member too few is as whole as gzip as one too many.
        let first = super::super::member::Header::parse(&bytes).unwrap();
        assert!(!proven(&bytes[first.member_bytes..], &receipt));
        assert!(proven(&bytes, &receipt));
    }
}

#[test]
fn damage_is_told_by_byte_chunk_and_pages() {
    let plain = database(1500, 4096);
    let (file, written, _) = packed(&plain, 4096, None);
    let whole = bytes_of(&file);
    let mut starts = vec![0];
    while let Some(header) = super::super::member::Header::parse(&whole[starts[starts.len() - 1]..])
    {
        starts.push(starts[starts.len() - 1] + header.member_bytes);
    }
    assert_eq!(starts.len() as u64, written.chunks.total + 1);

    let mut bytes = whole.clone();
    bytes[starts[50] + 200] ^= 1;
    let found = fault(&bytes);
    assert_eq!(
        found,
        Fault::Chunk {
            at: starts[50] as u64,
            chunk: 51,
            pages: Some((801, 816)),
            flaw: Flaw::Seal,
        }
    );
    assert_eq!(
        found.to_string(),
        format!(
            "it is damaged at byte {}, in chunk 51, pages 801 to 816: its bytes are not those that were written",
            starts[50]
        )
    );
    let cut = starts[93] + 1;
    assert_eq!(fault(&whole[..cut]), Fault::CutShort { at: cut as u64 });
    let cut = starts[93] + 100;
    assert_eq!(fault(&whole[..cut]), Fault::CutShort { at: cut as u64 });
    for garbage in [
        &b"x"[..],
        b"\x1f\x8c",
        b"\0\0x",
        &[&[0; 300_000][..], b"x"].concat(),
    ] {
        let at = whole.len() as u64;
        assert_eq!(
            fault(&[&whole[..], garbage].concat()),
            Fault::TrailingGarbage { at }
        );
    }
    for zeros in [1, 512, 300_000] {
        let padded = [&whole[..], &vec![0; zeros]].concat();
        let (read, out) = unpacked(&padded, Limit::Disk(u64::MAX)).unwrap();
        assert!(out == plain, "{zeros} zeros");
        assert_eq!(read.bytes, padded.len() as u64);
    }
    assert_eq!(fault(b""), Fault::Empty);
    assert_eq!(fault(b"SQLite format 3\0"), Fault::NotGzip);
    assert!(matches!(
        unpacked(&whole, Limit::Manifest(plain.len() as u64 - 1)),
        Err(UnpackError::Fault(Fault::TooLarge { .. }))
    ));
}

#[test]
fn what_other_programs_and_earlier_versions_packed_is_read_as_well() {
    let plain = database(300, 4096);
    let (read, out) = unpacked(&plain_gzip(&plain), Limit::Disk(1 << 30)).unwrap();
    assert!(out == plain);
    assert_eq!(read.content_blake3, None);
    assert_eq!(
        read.plain_sha256.as_deref(),
        Some(&*super::super::hex::hex(
            ring::digest::digest(&ring::digest::SHA256, &plain).as_ref()
        ))
    );

    // Both kinds in one file, and a version of ours that is not known yet, are ordinary gzip all the same.
    let (file, ..) = packed(&plain, 4096, None);
    let ours = bytes_of(&file);
    let mut later = ours.clone();
    later[16] = 9;
    let mixed = [&plain_gzip(b"before")[..], &ours, &later, &plain_gzip(b"")].concat();
    let (read, out) = unpacked(&mixed, Limit::Disk(1 << 30)).unwrap();
    assert!(out == [b"before", &plain[..], &plain].concat());
    assert_eq!(read.content_blake3, None);
    let (_, nothing) = unpacked(&plain_gzip(b""), Limit::Manifest(0)).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn the_writers_error_is_the_one_that_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut read_only = File::open(file.path()).unwrap();
    let mut pages = Pages {
        plain: database(3000, 4096),
        page_bytes: 4096,
        next: 0,
    };
    let failed =
        with_watch(|watch| compress(&mut pages, &mut read_only, Level::default(), None, watch));
    assert!(matches!(failed, Err(SnapshotError::Io(_))), "{failed:?}");
}

#[test]
fn the_sources_error_ends_everything() {
    struct Failing(Pages);
    impl PageSource for Failing {
        fn next_page(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
            match self.0.next_page()? {
                Some(page) => Ok(Some(page)),
                None => Err(SnapshotError::Stopped(Stopped::Cancelled)),
            }
        }

        fn plain_bytes(&self) -> u64 {
            self.0.plain_bytes()
        }
    }
    let mut pages = Failing(Pages {
        plain: database(700, 4096),
        page_bytes: 4096,
        next: 0,
    });
    let mut out = tempfile::tempfile().unwrap();
    let failed = with_watch(|watch| compress(&mut pages, &mut out, Level::default(), None, watch));
    assert!(
        matches!(failed, Err(SnapshotError::Stopped(_))),
        "{failed:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_mutated_file_is_never_taken_for_the_one_that_was_written(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8, 0..4_u8), 1..4),
    ) {
        let plain = database(70, 4096);
        let (file, written, _) = packed(&plain, 4096, None);
        let mut bytes = bytes_of(&file);
        let whole = bytes.clone();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] ^= byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        prop_assume!(bytes != whole);
        if let Ok((read, _)) = unpacked(&bytes, Limit::Manifest(plain.len() as u64)) {
            prop_assert_ne!(read.sha256, written.sha256);
        }
    }
}

#[test]
fn damage_below_the_reader_while_it_reads_is_an_error_and_no_panic() {
    let (file, _, receipt) = packed(&database(3000, 4096), 4096, None);
    let end = file.metadata().unwrap().len();
    file.write_all_at(&[0; 4096], end / 2).unwrap();
    file.set_len(end - 10).unwrap();
    let judged = with_watch(|watch| prove(&file, &receipt, watch));
    assert!(matches!(judged, Err(UnpackError::Fault(_))), "{judged:?}");
}
