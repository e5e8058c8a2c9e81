//! Folders that are not as they were: copies without links, lines and links that say something else, and what is gone.

use std::os::unix::fs::symlink;

use super::super::tests::{Kept, watch};
use super::*;

const QUICK: Look<'static> = Look {
    depth: Depth::Members,
    scratch: None,
    only: None,
};

fn look(dir: &Path, look: &Look<'_>) -> Survey {
    let mut told = Survey::default();
    let survey = survey(
        dir,
        look,
        &mut watch(&mut |_| {}),
        &mut |found| match found {
            Found::Verdict(name, verdict) => match name.parse() {
                Ok(id) => told.snapshots.push((id, verdict.clone())),
                Err(_) => told.copies.push((name.to_owned(), verdict.clone())),
            },
            Found::Trouble(trouble) => told.troubles.push(trouble.clone()),
        },
    )
    .unwrap();
    assert_eq!(survey, told);
    survey
}

/// As a rotation leaves it: the snapshot in `SHA256SUMS` and in `daily/`.
fn rotated() -> Kept {
    let kept = Kept::new();
    let name = kept.manifest.id.file_name();
    let line = format!("{}  snapshots/{name}\n", kept.manifest.sha256);
    fs::write(kept.folder().join(SUMS), line).unwrap();
    let link = kept.folder().join("daily/2026-11-21.sqlite.gz");
    symlink(format!("../snapshots/{name}"), link).unwrap();
    kept
}

fn words(survey: &Survey) -> Vec<&'static str> {
    let verdicts = survey.snapshots.iter();
    verdicts.map(|(_, verdict)| verdict.word()).collect()
}

#[test]
fn a_folder_as_a_rotation_leaves_it_is_whole_from_wherever_it_is_named() {
    let kept = rotated();
    for dir in [kept.folder(), catalogue::snapshots(&kept.folder())] {
        for depth in [Depth::Members, Depth::Content] {
            let survey = look(&dir, &Look { depth, ..QUICK });
            assert!(survey.is_whole(), "{survey:?}");
            assert_eq!(words(&survey), ["whole"]);
        }
    }
}

#[test]
fn a_snapshot_that_only_a_link_names_is_missing_and_a_link_elsewhere_is_said() {
    let kept = rotated();
    let weekly = kept.folder().join("weekly");
    symlink(
        "../snapshots/2026-11-15T033000Z.sqlite.gz",
        weekly.join("2026-W46.sqlite.gz"),
    )
    .unwrap();
    symlink("/mnt/old.sqlite.gz", weekly.join("2026-W45.sqlite.gz")).unwrap();
    let survey = look(&kept.folder(), &QUICK);
    assert_eq!(words(&survey), ["missing", "whole"]);
    assert_eq!(survey.snapshots[0].0.to_string(), "2026-11-15T033000Z");
    let [trouble] = &survey.troubles[..] else {
        panic!("{survey:?}")
    };
    assert_eq!(trouble.subject(), "weekly/2026-W45.sqlite.gz");
    assert_eq!(
        trouble.to_string(),
        "it leads to /mnt/old.sqlite.gz, which is no snapshot here"
    );
    assert!(!survey.is_whole());
}

#[test]
fn a_damaged_list_of_checksums_is_said_and_the_rest_is_judged() {
    let kept = rotated();
    let sums = kept.folder().join(SUMS);
    let good = fs::read(&sums).unwrap();
    let mut bytes = [b"\xff\xfe what\n".to_vec(), good.clone(), b"abc\n".to_vec()].concat();
    fs::write(&sums, &bytes).unwrap();
    let survey = look(&kept.folder(), &QUICK);
    assert_eq!(words(&survey), ["whole"]);
    assert_eq!(survey.troubles, [Trouble::Sums(vec![1, 3])]);
    assert_eq!(
        survey.troubles[0].to_string(),
        "damaged: line 1, 3 is not a checksum, two spaces and a snapshot's name"
    );
    // One digit that is another digit.
    bytes = good;
    bytes[5] = if bytes[5] == b'0' { b'1' } else { b'0' };
    fs::write(&sums, &bytes).unwrap();
    let survey = look(&kept.folder(), &QUICK);
    assert_eq!(
        survey.snapshots[0].1,
        Verdict::Damaged(Damage::Checksum(SUMS))
    );
}

#[test]
fn without_its_manifest_a_snapshot_is_compared_with_the_list() {
    let kept = rotated();
    fs::remove_file(kept.manifest_path()).unwrap();
    assert!(look(&kept.folder(), &QUICK).is_whole());
    // Gzip of its own, which is whole, and not what was written.
    let other = super::super::tests::gzip(b"another");
    fs::write(kept.path(), other).unwrap();
    let survey = look(&kept.folder(), &QUICK);
    assert_eq!(
        survey.snapshots[0].1,
        Verdict::Damaged(Damage::Checksum(SUMS))
    );
}

#[test]
fn a_copy_made_by_a_stick_without_links_is_judged_all_the_same() {
    let kept = rotated();
    // The stick leaves links out.
    let stick = kept.dir.path().join("stick");
    let inner = catalogue::snapshots(&stick);
    fs::create_dir_all(&inner).unwrap();
    fs::copy(kept.path(), inner.join(kept.manifest.id.file_name())).unwrap();
    fs::copy(
        kept.manifest_path(),
        inner.join(kept.manifest.id.manifest_name()),
    )
    .unwrap();
    fs::copy(kept.folder().join(SUMS), stick.join(SUMS)).unwrap();
    assert!(look(&stick, &QUICK).is_whole());

    // Or something copied files in their place.
    fs::create_dir(stick.join("daily")).unwrap();
    let copy = stick.join("daily/2026-11-21.sqlite.gz");
    fs::copy(kept.path(), &copy).unwrap();
    let survey = look(&stick, &QUICK);
    assert!(survey.is_whole() && survey.copies.is_empty(), "{survey:?}");
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&copy, bytes).unwrap();
    let survey = look(&stick, &QUICK);
    assert_eq!(words(&survey), ["whole"]);
    let [(name, Verdict::Damaged(_))] = &survey.copies[..] else {
        panic!("{survey:?}")
    };
    assert_eq!(name, "daily/2026-11-21.sqlite.gz");

    // Or the tiers alone were copied.
    fs::remove_dir_all(inner).unwrap();
    fs::remove_file(stick.join(SUMS)).unwrap();
    fs::copy(kept.path(), &copy).unwrap();
    let survey = look(&stick, &QUICK);
    assert!(survey.is_whole() && survey.copies.len() == 1, "{survey:?}");
}

#[test]
fn what_a_rotation_was_taking_away_is_no_loss_and_without_the_list_it_is() {
    let kept = rotated();
    let mut gone = kept.manifest.clone();
    gone.id = "2026-11-01T033000Z".parse().unwrap();
    manifest::write(&catalogue::snapshots(&kept.folder()), &gone).unwrap();
    assert_eq!(words(&look(&kept.folder(), &QUICK)), ["whole"]);
    fs::remove_file(kept.folder().join(SUMS)).unwrap();
    assert_eq!(words(&look(&kept.folder(), &QUICK)), ["missing", "whole"]);
}

#[test]
fn only_what_was_asked_for_is_looked_at() {
    let kept = rotated();
    fs::write(kept.folder().join(SUMS), "nonsense\n").unwrap();
    let other: SnapshotId = "2026-11-02T033000Z".parse().unwrap();
    let only = BTreeSet::from([kept.manifest.id, other]);
    let survey = look(
        &kept.folder(),
        &Look {
            only: Some(&only),
            ..QUICK
        },
    );
    assert_eq!(words(&survey), ["missing", "whole"]);
    assert!(survey.troubles.is_empty() && survey.copies.is_empty());
    let none = BTreeSet::new();
    let nothing = super::survey(
        &kept.folder(),
        &Look {
            only: Some(&none),
            ..QUICK
        },
        &mut watch(&mut |_| {}),
        &mut |_| {},
    );
    assert!(matches!(nothing, Err(VerifyError::NothingThere(_))));
}

#[test]
fn something_else_under_a_snapshots_name_is_named_never_waited_for_and_ends_nothing() {
    let kept = rotated();
    let snapshots = catalogue::snapshots(&kept.folder());
    let at = |name: &str| snapshots.join(name);
    let fifo = |path: PathBuf| {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
    };
    fifo(at("2026-11-01T033000Z.sqlite.gz"));
    fs::create_dir(at("2026-11-02T033000Z.sqlite.gz")).unwrap();
    let _socket =
        std::os::unix::net::UnixListener::bind(at("2026-11-03T033000Z.sqlite.gz")).unwrap();
    symlink("/dev/zero", at("2026-11-04T033000Z.sqlite.gz")).unwrap();
    // One whose manifest would be waited for.
    fs::copy(kept.path(), at("2026-11-05T033000Z.sqlite.gz")).unwrap();
    fifo(at("2026-11-05T033000Z.json"));
    for depth in [Depth::Members, Depth::Content] {
        let survey = look(&kept.folder(), &Look { depth, ..QUICK });
        let told: Vec<String> = survey
            .snapshots
            .iter()
            .map(|(_, verdict)| verdict.to_string())
            .collect();
        assert_eq!(
            told[..4],
            ["FIFO", "folder", "socket", "device"]
                .map(|kind| format!("damaged: it is a {kind}, not a regular file"))
        );
        assert!(
            told[4].contains("its manifest can't be read") && told[4].contains("is a FIFO"),
            "{told:?}"
        );
        assert!(survey.snapshots[5].1.is_whole(), "{told:?}");
        assert_eq!(told.len(), 6);
    }
}

#[test]
fn what_cannot_be_read_of_the_folder_itself_is_said_and_the_snapshots_are_judged() {
    let kept = rotated();
    fs::remove_file(kept.folder().join(SUMS)).unwrap();
    fs::create_dir(kept.folder().join(SUMS)).unwrap();
    fs::remove_dir_all(kept.folder().join("daily")).unwrap();
    fs::write(kept.folder().join("daily"), "no folder").unwrap();
    // A link that leads to itself can't be read by anybody, root included.
    let looped = catalogue::snapshots(&kept.folder()).join("2026-11-01T033000Z.sqlite.gz");
    symlink("2026-11-01T033000Z.sqlite.gz", looped).unwrap();
    let survey = look(&kept.folder(), &QUICK);
    let subjects: Vec<&str> = survey.troubles.iter().map(Trouble::subject).collect();
    assert_eq!(subjects, [SUMS, "daily"]);
    assert_eq!(words(&survey), ["damaged", "whole"]);
    assert!(!survey.is_whole());
}
