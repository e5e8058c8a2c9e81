//! That a member is what it says and ordinary gzip too, and that nothing else passes for one.

use std::io::Read;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

#[test]
fn there_are_the_levels_that_the_configuration_names_and_no_others() {
    for number in 0..=20 {
        let is_one = Level::NUMBERS.contains(&number);
        assert_eq!(
            Level::new(number).map(Level::number),
            is_one.then_some(number)
        );
    }
    assert_eq!(Level::default().number(), Level::USUAL);
}

fn pack(plain: &[u8]) -> (Vec<u8>, Header) {
    let mut member = Vec::new();
    let header = Packer::new(Level::default())
        .pack(plain, blake3::hash(plain).into(), &mut member)
        .unwrap();
    (member, header)
}

/// Bytes that don't compress, the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise
}

/// Puts the right seal on a member that was changed, so that what lies behind the seal is reached.
fn seal_again(member: &mut [u8]) -> Header {
    let size = size(member.len());
    member[MEMBER_BYTES_AT..PLAIN_BYTES_AT].copy_from_slice(&size);
    let seal = seal_of(member);
    member[SEAL_AT..HEADER_BYTES].copy_from_slice(&seal);
    Header::parse(member).unwrap()
}

#[test]
fn a_member_says_what_it_holds_and_any_gzip_reads_it() {
    for plain in [
        Vec::new(),
        vec![7],
        b"SQLite format 3\0".repeat(256),
        vec![0; CHUNK_BYTES],
        noise(CHUNK_BYTES),
        noise(CHUNK_BYTES - 512),
    ] {
        for level in Level::NUMBERS.filter_map(Level::new) {
            let mut out = b"before".to_vec();
            let header = Packer::new(level)
                .pack(&plain, blake3::hash(&plain).into(), &mut out)
                .unwrap();
            let member = &out[6..];
            assert_eq!(Header::parse(member), Some(header));
            assert_eq!(header.member_bytes, member.len());
            assert!((MIN_MEMBER_BYTES..CHUNK_BYTES * 9 / 8 + 200).contains(&member.len()));
            let mut read = Vec::new();
            GzDecoder::new(member).read_to_end(&mut read).unwrap();
            assert_eq!(read, plain);
            let mut opened = vec![1, 2];
            Unpacker::default()
                .unpack(member, &header, &mut opened)
                .unwrap();
            assert_eq!(opened[2..], plain);
        }
    }
}

#[test]
fn the_header_stands_byte_for_byte_as_it_is_documented() {
    let (member, header) = pack(b"tealkeep");
    assert_eq!(member[..4], [0x1f, 0x8b, 8, 4]);
    assert_eq!(member[4..10], [0, 0, 0, 0, 0, 255]);
    assert_eq!(member[10..12], [78, 0]);
    assert_eq!(&member[12..14], b"TK");
    assert_eq!(member[14..16], [74, 0]);
    assert_eq!(member[16..18], [1, 0]);
    assert_eq!(
        member[18..22],
        u32::try_from(member.len()).unwrap().to_le_bytes()
    );
    assert_eq!(member[22..26], 8_u32.to_le_bytes());
    assert_eq!(member[26..58], *blake3::hash(b"tealkeep").as_bytes());
    let sealed = [&member[90..], &member[..58]].concat();
    assert_eq!(member[58..90], *blake3::hash(&sealed).as_bytes());
    assert_eq!(header.seal, *blake3::hash(&sealed).as_bytes());
}

#[test]
fn every_single_bit_that_is_turned_is_found() {
    let (whole, header) = pack(&b"a dose at noon, a dose at night; ".repeat(20));
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut member = whole.clone();
            member[at] ^= 1 << bit;
            assert!(!header.seals(&member) || Header::parse(&member) != Some(header));
            if let Some(said) = Header::parse(&member) {
                let mut out = Vec::new();
                assert!(
                    said.member_bytes != member.len()
                        || Unpacker::default()
                            .unpack(&member, &said, &mut out)
                            .is_err()
                );
                assert!(out.is_empty());
            }
        }
    }
}

#[test]
fn of_another_version_or_with_sizes_that_cannot_be_it_is_none_of_ours() {
    let (whole, _) = pack(b"x");
    let with = |at: usize, bytes: &[u8]| {
        let mut member = whole.clone();
        member[at..at + bytes.len()].copy_from_slice(bytes);
        Header::parse(&member)
    };
    assert!(with(0, &[0x1f]).is_some());
    for (at, bytes) in [
        (3, &[12][..]),
        (4, &[1]),
        (10, &[79]),
        (12, b"BC"),
        (14, &[73]),
        (16, &[2]),
        (16, &[0]),
        (17, &[1]),
        (MEMBER_BYTES_AT, &[0, 0, 0, 0]),
        (MEMBER_BYTES_AT, &[99, 0, 0, 0]),
        (MEMBER_BYTES_AT, &[1, 0, 2, 0]),
        (MEMBER_BYTES_AT, &[255; 4]),
        (PLAIN_BYTES_AT, &[1, 0, 1, 0]),
        (PLAIN_BYTES_AT, &[255; 4]),
    ] {
        assert_eq!(with(at, bytes), None, "{at} {bytes:?}");
    }
    assert_eq!(Header::parse(&whole[..HEADER_BYTES - 1]), None);
    assert_eq!(Header::parse(&[]), None);
}

#[test]
fn behind_a_right_seal_each_lie_has_its_name() {
    let plain = b"chores ".repeat(300);
    let (whole, _) = pack(&plain);
    let judge = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut member = whole.clone();
        change(&mut member);
        let header = seal_again(&mut member);
        let mut out = vec![9];
        let judged = Unpacker::default().unpack(&member, &header, &mut out);
        assert_eq!(out.len(), if judged.is_ok() { 1 + plain.len() } else { 1 });
        assert!(out.capacity() <= 2 * CHUNK_BYTES);
        judged
    };
    let end = whole.len();
    assert_eq!(judge(&|_| {}), Ok(()));
    assert_eq!(judge(&|m| m[end - 1] ^= 1), Err(Flaw::Trailer));
    assert_eq!(judge(&|m| m[end - 8] ^= 1), Err(Flaw::Trailer));
    assert_eq!(judge(&|m| m[PLAIN_HASH_AT] ^= 1), Err(Flaw::Plain));
    assert_eq!(judge(&|m| m.insert(end - 8, 0)), Err(Flaw::Deflate));
    let shorter = |m: &mut Vec<u8>| {
        m.remove(end - 9);
    };
    assert_eq!(judge(&shorter), Err(Flaw::Deflate));
    assert_eq!(judge(&|m| m[HEADER_BYTES] |= 7), Err(Flaw::Deflate));
    let one_less = size(plain.len() - 1);
    assert_eq!(
        judge(&|m| m[PLAIN_BYTES_AT..PLAIN_HASH_AT].copy_from_slice(&one_less)),
        Err(Flaw::Plain),
    );
}

#[test]
fn a_member_that_unpacks_to_more_than_it_says_takes_no_more_memory() {
    let mut bomb = Vec::new();
    let mut deflate = flate2::write::DeflateEncoder::new(&mut bomb, flate2::Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut deflate).unwrap();
    deflate.finish().unwrap();
    let mut member = START.to_vec();
    member.resize(HEADER_BYTES, 0);
    member.extend(bomb);
    member.extend([0; TRAILER_BYTES]);
    let header = seal_again(&mut member);
    let mut out = Vec::new();
    assert!(
        Unpacker::default()
            .unpack(&member, &header, &mut out)
            .is_err()
    );
    assert!(out.is_empty() && out.capacity() < 1024);
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..400),
        ours in any::<bool>(),
    ) {
        if ours {
            let n = START.len().min(bytes.len());
            bytes[..n].copy_from_slice(&START[..n]);
        }
        let mut out = Vec::new();
        if let Some(header) = Header::parse(&bytes) {
            prop_assert!(Unpacker::default().unpack(&bytes, &header, &mut out).is_err());
        }
        if ours && bytes.len() >= MIN_MEMBER_BYTES {
            bytes[PLAIN_BYTES_AT..PLAIN_HASH_AT].copy_from_slice(&[200, 0, 0, 0]);
            let header = seal_again(&mut bytes);
            prop_assert!(Unpacker::default().unpack(&bytes, &header, &mut out).is_err());
        }
        prop_assert!(out.is_empty());
    }

    #[test]
    fn what_went_in_comes_out(plain in prop::collection::vec(0..4_u8, 0..5000)) {
        let (member, header) = pack(&plain);
        let mut out = Vec::new();
        Unpacker::default().unpack(&member, &header, &mut out).unwrap();
        prop_assert_eq!(out, plain);
    }
}
