//! Bytes that changed on the disk, or that somebody made up: nothing panics, nothing is read into memory without
//! bound, and what is called whole holds what it held. A damaged snapshot is never built upon.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tealkeep::backup::member::{HEADER_BYTES, Header};
use tealkeep::backup::verify::verify_folder;
use tealkeep::backup::{Cancel, Catalogue, Keeper, Watch, checksums, manifest};

use super::{Place, Scene, Work};
use crate::support::backups::{
    listed, make_bank, newest, nightly, sha256, take, transfer, verdict,
};
use crate::support::random::{Random, is_long};
use crate::support::{PATIENCE, Said, TEALKEEP};

#[test]
fn a_snapshot_that_is_called_whole_holds_what_it_held_whatever_became_of_its_bytes() {
    let mut random = Random::seeded();
    let scene = Scene::new(Work::Second);
    let (_dir, place) = scene.place();
    let path = newest(&place.folder());
    let bytes = fs::read(&path).unwrap();
    let plain = decoded(&bytes).unwrap();
    let members = members(&bytes);
    assert!(members.len() > 5, "{members:?}");
    let nameless = place.0.join("nameless.gz");
    let (mut whole, mut damaged) = (0, 0);
    for round in 0..if is_long() { 4000 } else { 150 } {
        let (changed, how) = mutated(&mut random, &bytes, &members);
        let what = format!("round {round}, seed {}: {how}", random.seed);
        fs::write(&path, &changed).unwrap();
        let with_manifest = verdict(&path, &place.0);
        assert_eq!(
            with_manifest.is_whole(),
            changed == bytes,
            "{what}: {with_manifest}"
        );
        // Without a manifest only what decodes to the same database can be whole.
        fs::write(&nameless, &changed).unwrap();
        let alone = verdict(&nameless, &place.0);
        if alone.is_whole() {
            let same = decoded(&changed).is_some_and(|now| now.starts_with(&plain));
            assert!(same, "{what}: {alone}");
            whole += 1;
        } else {
            damaged += 1;
        }
    }
    println!("without a manifest {whole} were whole and {damaged} damaged");
    assert!(damaged > whole);
}

#[test]
fn a_manifest_or_a_list_of_any_bytes_is_read_or_refused() {
    let mut random = Random::seeded();
    let scene = Scene::new(Work::Second);
    let (_dir, place) = scene.place();
    let folder = place.folder();
    let path = newest(&folder).with_extension("").with_extension("json");
    let text = fs::read(&path).unwrap();
    let list = fs::read(folder.join("SHA256SUMS")).unwrap();
    for round in 0..if is_long() { 20_000 } else { 600 } {
        let (changed, how) = match random.below(3) {
            0 => (odd_json(&mut random, &text), "a value of another kind"),
            1 => (spoilt(&mut random, &text), "spoilt bytes"),
            _ => {
                let count = random.index(300);
                (random.bytes(count), "random bytes")
            }
        };
        let what = format!("round {round}, seed {}: {how}", random.seed);
        fs::write(&path, &changed).unwrap();
        fs::write(folder.join("SHA256SUMS"), spoilt(&mut random, &list)).unwrap();
        if let Ok(read) = manifest::read(&path) {
            assert_eq!(
                read.id.manifest_name(),
                path.file_name().unwrap().to_string_lossy()
            );
        }
        checksums::read(&folder).unwrap();
        let catalogue = Catalogue::read(&folder).unwrap();
        assert_eq!(
            catalogue.entries.len() + catalogue.problems.len(),
            2,
            "{what}"
        );
        if round % 10 == 0 {
            let mut tell = |_| {};
            let mut watch = Watch::new(&mut tell, Cancel::never(), PATIENCE);
            // It may say anything of such a folder, and says it without a panic.
            let _ = verify_folder(&folder, Some(&place.0), &mut watch, &mut |_, _| {});
        }
    }
}

#[test]
fn huge_and_nested_things_are_judged_in_little_memory() {
    let scene = Scene::new(Work::Second);
    let (_dir, place) = scene.place();
    let folder = place.folder();
    let snapshots = folder.join("snapshots");
    let good = newest(&folder);
    let manifest = fs::read_to_string(good.with_extension("").with_extension("json")).unwrap();
    let old = good
        .file_name()
        .unwrap()
        .to_string_lossy()
        .replace(".sqlite.gz", "");
    let put = |nth: u32, manifest: Option<&[u8]>, bytes: &[u8]| {
        let id = format!("2020-01-01T0000{nth:02}Z");
        fs::write(snapshots.join(format!("{id}.sqlite.gz")), bytes).unwrap();
        if let Some(manifest) = manifest {
            fs::write(snapshots.join(format!("{id}.json")), manifest).unwrap();
        }
        id
    };
    let named = |nth: u32| {
        let id = format!("2020-01-01T0000{nth:02}Z");
        manifest.replace(&old, &id)
    };
    let bytes = fs::read(&good).unwrap();
    let bomb = bomb(600 << 20);
    let deep = format!("{}{}", "[".repeat(3 << 20), "]".repeat(3 << 20));
    put(1, None, &bomb);
    put(2, Some(named(2).as_bytes()), &bomb);
    put(3, Some(deep.as_bytes()), &bytes);
    put(4, None, &long_header(8, 64 << 20));
    put(5, None, &long_header(16, 64 << 20));
    put(6, None, &huge_sizes(&bytes));
    let id = put(7, Some(b"{"), &bytes);
    // Four gigabytes that take no room on the disk.
    let sparse = |path: &Path| File::create(path).unwrap().set_len(4 << 30).unwrap();
    sparse(&snapshots.join(format!("{id}.json")));

    let whole = limited(&[TEALKEEP, "verify", &place.folder().to_string_lossy()]);
    assert_eq!(whole.code, 1, "{whole:#?}");
    // Its two own, and the one whose sizes are nonsense: without them it is ordinary gzip.
    assert_eq!(whole.stdout.matches(": whole").count(), 3, "{whole:#?}");
    assert_eq!(
        whole
            .stdout
            .lines()
            .filter(|line| line.contains("2020-01-01"))
            .count(),
        7,
        "{whole:#?}"
    );

    sparse(&folder.join("SHA256SUMS"));
    for verb in [
        &[TEALKEEP, "verify", &*place.folder().to_string_lossy()][..],
        &[
            TEALKEEP,
            "backup",
            "--database",
            &place.database().to_string_lossy(),
            "--folder",
            &place.folder().to_string_lossy(),
        ],
    ] {
        let said = limited(verb);
        assert_eq!(said.code, 1, "{said:#?}");
        let told = format!("{}{}", said.stdout, said.stderr);
        assert!(told.contains("SHA256SUMS"), "{said:#?}");
    }
}

#[test]
fn what_is_damaged_in_the_last_snapshot_is_not_copied_into_the_next() {
    let mut random = Random::seeded();
    let dir = super::tempdir();
    let place = Place(dir.path().to_owned());
    let mut bank = make_bank(&place.database(), 6000);
    let keeper = Keeper::new(&place.database(), &place.folder());
    for round in 0..if is_long() { 100 } else { 12 } {
        let basis = newest_path(take(&keeper, &nightly(200 - round)), &place);
        let bytes = fs::read(&basis).unwrap();
        let members = members(&bytes);
        let mut changed = bytes.clone();
        let victims = 1 + random.index(members.len());
        for (from, to) in random.draw(members.clone(), victims) {
            let at = from + random.index(to - from);
            changed[at] ^= 1 << random.below(8);
        }
        fs::write(&basis, &changed).unwrap();
        assert!(!verdict(&basis, &place.0).is_whole());
        transfer(&mut bank, 3);

        let taken = take(&keeper, &nightly(200 - round - 1)).manifest;
        let path = place.folder().join("snapshots").join(taken.id.file_name());
        let what = format!("round {round}, seed {}: {victims} damaged", random.seed);
        let judged = verdict(&path, &place.0);
        assert!(judged.is_whole(), "{what}: {judged}");
        assert_eq!(sha256(&path).unwrap(), taken.sha256, "{what}");
        if let Some(chunks) = &taken.chunks {
            let sound = (members.len() - victims) as u64;
            assert!(chunks.reused <= sound, "{what}: {chunks:?}");
        }
        fs::write(&basis, &bytes).unwrap();
        let all = listed(&place.folder());
        assert!(all.len() >= 2, "{what}: {all:#?}");
    }
}

fn newest_path(taken: tealkeep::backup::Taken, place: &Place) -> std::path::PathBuf {
    let name = taken.manifest.id.file_name();
    place.folder().join("snapshots").join(name)
}

/// Where each member begins and ends.
fn members(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut at = 0;
    let mut found = Vec::new();
    while let Some(header) = Header::parse(&bytes[at..]) {
        found.push((at, at + header.member_bytes));
        at += header.member_bytes;
    }
    assert_eq!(at, bytes.len(), "every member says how long it is");
    found
}

/// What another decoder makes of it; `None` where it refuses.
fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let read = |bytes: &[u8]| {
        let mut plain = Vec::new();
        MultiGzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
        Some(plain)
    };
    // Zeros behind the last member are padding, which gzip passes over. The member itself may end with some.
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    read(bytes).or_else(|| {
        let ends = end..bytes.len().min(end + 8);
        ends.into_iter().find_map(|end| read(&bytes[..end]))
    })
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn mutated(
    random: &mut Random,
    bytes: &[u8],
    members: &[(usize, usize)],
) -> (Vec<u8>, &'static str) {
    let mut changed = bytes.to_vec();
    let (from, to) = members[random.index(members.len())];
    let at = random.index(bytes.len());
    let how = match random.below(18) {
        0 => {
            changed[at] ^= 1 << random.below(8);
            "one bit"
        }
        1 => {
            changed.truncate(at);
            "cut short"
        }
        2 => {
            changed.truncate(from);
            "cut short between two members"
        }
        3 => {
            changed.drain(from..to);
            "a member is missing"
        }
        4 => {
            changed.splice(to..to, bytes[from..to].iter().copied());
            "a member is there twice"
        }
        5 => {
            let (other, end) = members[random.index(members.len())];
            changed.splice(from..to, bytes[other..end].iter().copied());
            "a member in another one's place"
        }
        6 => {
            let count = 1 + random.index(200);
            changed.splice(at..at, random.bytes(count));
            "something is put in"
        }
        7 => {
            let end = (at + random.index(5000)).min(bytes.len());
            changed.drain(at..end);
            "something is taken out"
        }
        8 => {
            let end = (at + 512).min(bytes.len());
            changed[at..end].fill(0);
            "a sector of zeros"
        }
        9 => {
            changed[from + random.index(HEADER_BYTES)] = random.bytes(1)[0];
            "a byte of a header"
        }
        10 => {
            changed[from + 3] = random.bytes(1)[0];
            "a member's flags"
        }
        11 => {
            let size = random.bytes(2);
            changed[from + 10..from + 12].copy_from_slice(&size);
            "the length of the extra field"
        }
        12 => {
            let huge = [0xff; 4];
            let which = from + 18 + 4 * random.index(2);
            changed[which..which + 4].copy_from_slice(&huge);
            "a size in the extra field"
        }
        13 => {
            let count = random.index(9);
            let foreign = gzip(&random.bytes(count));
            changed.extend(foreign);
            "somebody else's member at the end"
        }
        14 => {
            changed.splice(from..from, gzip(b""));
            "somebody else's empty member in between"
        }
        15 => {
            let count = 1 + random.index(700);
            changed.extend(std::iter::repeat_n(0, count));
            "zeros at the end"
        }
        16 => {
            let plain = decoded(&bytes[from..to]).unwrap();
            changed.splice(from..to, gzip(&plain));
            "a member packed by somebody else"
        }
        _ => {
            let count = random.index(3000);
            changed = random.bytes(count);
            changed.splice(0..0, [0x1f, 0x8b, 8]);
            "nothing but noise"
        }
    };
    (changed, how)
}

/// Bytes flipped, cut out, doubled and put in.
fn spoilt(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        if changed.is_empty() {
            break;
        }
        let at = random.index(changed.len());
        let end = (at + random.index(40)).min(changed.len());
        match random.below(4) {
            0 => changed[at] ^= 1 << random.below(8),
            1 => drop(changed.drain(at..end)),
            2 => {
                let again = changed[at..end].to_vec();
                changed.splice(at..at, again);
            }
            _ => {
                let noise = random.bytes(3);
                changed.splice(at..at, noise);
            }
        }
    }
    changed
}

/// One of its values is of another kind, or huge, or there twice.
fn odd_json(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(text).unwrap();
    let fields = value.as_object_mut().unwrap();
    let key = fields
        .keys()
        .nth(random.index(fields.len()))
        .unwrap()
        .clone();
    let deep = (0..100).fold(json!(null), |inside, _| json!([inside]));
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("\u{0}\u{202e}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({"a": u64::MAX, "b": u64::MAX}),
        json!("9999-12-31T23:59:59.999999999Z"),
        json!("-009999-01-01"),
        deep,
    ];
    let odd = values[random.index(values.len())].clone();
    if random.below(4) == 0 {
        let twice = format!("{{{}:{odd},", json!(key));
        return String::from_utf8_lossy(text)
            .replacen('{', &twice, 1)
            .into_bytes();
    }
    fields.insert(key, odd);
    value.to_string().into_bytes()
}

/// So many bytes, in a thousandth of them.
fn bomb(plain: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..plain >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

/// A header whose name (8) or comment (16) does not end for a long while (RFC 1952, section 2.3.1).
fn long_header(flag: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, flag, 0, 0, 0, 0, 0, 0xff];
    bytes.extend(std::iter::repeat_n(b'x', length));
    bytes
}

/// Every member says that it is as long as can be said.
fn huge_sizes(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for (from, _) in members(bytes) {
        changed[from + 18..from + 26].fill(0xff);
    }
    changed
}

/// Runs a command that may have no more than this of an address space.
fn limited(command: &[&str]) -> Said {
    let output = Command::new("prlimit")
        .arg(format!("--as={}", 400 << 20))
        .args(command)
        // Else each thread takes 64 MiB of addresses to begin with.
        .env("MALLOC_ARENA_MAX", "1")
        .env("TZ", "UTC")
        .output()
        .unwrap();
    Said::of(&output)
}
