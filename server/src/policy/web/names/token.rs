//! Whether one part of a name looks like a checksum in one of the alphabets that builds write them in.

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Look {
    /// Letters and digits mixed as hardly any name is.
    Checksum(Alphabet),
    /// As likely a checksum as a word: `DiwrgTda` is one, `UserList` is none.
    Possible(Alphabet),
    /// Nothing by itself, yet a checksum could come out so: only neighbours can tell.
    Alike(Alphabet),
    /// No checksum.
    Nothing,
}

/// What it is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) enum Alphabet {
    /// `0-9a-f`.
    Hexadecimal,
    /// `A-Z0-9`.
    Upper,
    /// `0-9a-z`.
    Lower,
    /// `A-Za-z0-9_-`.
    Base64,
}

/// The shortest checksum: esbuild, Parcel and Vite write eight characters.
const SHORTEST: usize = 8;
/// The longest: SHA-512 in hexadecimal.
const LONGEST: usize = 128;

/// How a part of a name looks.
pub(in super::super) fn look(text: &str) -> Look {
    let is_written_so = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !(SHORTEST..=LONGEST).contains(&text.len()) || !is_written_so {
        return Look::Nothing;
    }
    let counted = Counted::of(text);
    let alphabet = counted.alphabet(text);
    if counted.digits == text.len() {
        // A date, an identity, a time in milliseconds; one checksum in forty of eight characters as well.
        return if is_date(text) || text.len() > 16 {
            Look::Nothing
        } else {
            Look::Alike(Alphabet::Hexadecimal)
        };
    }
    if is_words(text) || is_measure(text) {
        return Look::Nothing;
    }
    if counted.digits == 0 {
        // `deadbeef`, `feedback`, `calendar`: one checksum in a thousand has no digit and no capital.
        return match alphabet {
            Alphabet::Hexadecimal | Alphabet::Lower => Look::Nothing,
            Alphabet::Upper => Look::Possible(alphabet),
            Alphabet::Base64 if counted.upper > 0 && counted.lower > 0 => Look::Possible(alphabet),
            Alphabet::Base64 => Look::Nothing,
        };
    }
    match alphabet {
        Alphabet::Hexadecimal
            if text.len() >= 16 || (counted.digits >= 2 && counted.turns >= 2) =>
        {
            Look::Checksum(alphabet)
        }
        Alphabet::Hexadecimal => Look::Alike(alphabet),
        Alphabet::Lower if counted.turns >= 4 => Look::Checksum(alphabet),
        Alphabet::Lower if counted.turns >= 3 => Look::Possible(alphabet),
        Alphabet::Lower => Look::Nothing,
        Alphabet::Upper if counted.turns >= 2 => Look::Checksum(alphabet),
        Alphabet::Upper => Look::Possible(alphabet),
        Alphabet::Base64 if counted.upper == 0 || counted.lower == 0 => Look::Alike(alphabet),
        Alphabet::Base64 if counted.turns >= 2 && !is_camel(text) => Look::Checksum(alphabet),
        Alphabet::Base64 => Look::Possible(alphabet),
    }
}

struct Counted {
    digits: usize,
    upper: usize,
    lower: usize,
    /// How often digits begin or end.
    turns: usize,
}

impl Counted {
    fn of(text: &str) -> Counted {
        let bytes = text.as_bytes();
        let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
        let turns = bytes
            .windows(2)
            .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
            .count();
        Counted {
            digits: count(u8::is_ascii_digit),
            upper: count(u8::is_ascii_uppercase),
            lower: count(u8::is_ascii_lowercase),
            turns,
        }
    }

    fn alphabet(&self, text: &str) -> Alphabet {
        let plain = self.digits + self.upper + self.lower == text.len();
        let is_hexadecimal = text.bytes().all(|b| b.is_ascii_hexdigit());
        match (plain, self.upper > 0, self.lower > 0) {
            (false, _, _) | (true, true, true) => Alphabet::Base64,
            (true, false, _) if is_hexadecimal => Alphabet::Hexadecimal,
            (true, false, _) => Alphabet::Lower,
            (true, true, false) => Alphabet::Upper,
        }
    }
}

/// Year, month and day, with a time after it or without.
fn is_date(text: &str) -> bool {
    let number =
        |range: std::ops::Range<usize>| text.get(range).and_then(|t| t.parse::<u32>().ok());
    matches!(text.len(), 8 | 10 | 12 | 14)
        && matches!(
            (number(0..4), number(4..6), number(6..8)),
            (Some(1900..=2199), Some(1..=12), Some(1..=31))
        )
}

/// Words and numbers in a row: `main-2`, `my_photo`, `icon-192`; a checksum with a hyphen in it is not cut into
/// words so neatly.
fn is_words(text: &str) -> bool {
    let mut pieces = text.split(['-', '_']);
    text.contains(['-', '_'])
        && pieces.all(|piece| {
            piece.bytes().all(|b| b.is_ascii_digit())
                || piece.bytes().all(|b| b.is_ascii_lowercase())
                || piece.bytes().all(|b| b.is_ascii_uppercase())
                || is_camel(piece)
        })
}

/// `640x1136`, `1024px`, `1080p60fps`.
fn is_measure(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    if let Some((width, height)) = lower.split_once('x') {
        let height = height.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if is_number(width) && is_number(height) {
            return true;
        }
    }
    let units = ["px", "dpi", "fps", "kbps", "mb", "kb", "pt", "ms"];
    text.starts_with(|c: char| c.is_ascii_digit()) && units.iter().any(|unit| lower.ends_with(unit))
}

/// Words written together, with one number at most: `UserList2`, `Web2Page`, `icon1024`.
fn is_camel(text: &str) -> bool {
    let mut numbers = 0;
    let mut in_number = false;
    let mut run = 0;
    let mut starts_upper = false;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            numbers += usize::from(!in_number);
            if !in_number && run == 1 {
                return false;
            }
            in_number = true;
            run = 0;
            continue;
        }
        in_number = false;
        if byte.is_ascii_uppercase() {
            if run == 1 && starts_upper {
                return false;
            }
            starts_upper = true;
            run = 1;
        } else {
            starts_upper = starts_upper && run > 0;
            run += 1;
        }
    }
    numbers <= 1 && run != 1
}
