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

impl Alphabet {
    /// The narrowest one that holds what is written in either.
    pub(super) fn and(self, other: Alphabet) -> Alphabet {
        match (self, other) {
            (same, also) if same == also => same,
            (Alphabet::Base64 | Alphabet::Upper, _) | (_, Alphabet::Base64 | Alphabet::Upper) => {
                Alphabet::Base64
            }
            (Alphabet::Hexadecimal | Alphabet::Lower, _) => Alphabet::Lower,
        }
    }

    /// Whether something written in another one is written in this one as well.
    pub(super) fn holds(self, other: Alphabet) -> bool {
        self.and(other) == self
    }
}

/// The shortest checksum: esbuild, Parcel and Vite write eight characters.
const MIN_LENGTH: usize = 8;
/// The longest: SHA-512 in hexadecimal.
const MAX_LENGTH: usize = 128;

/// Whether a part is a date, a size or too short or long to be a checksum, whatever stands beside it.
pub(super) fn is_none(text: &str) -> bool {
    let is_written_so = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len())
        || !is_written_so
        || is_date(text)
        || is_measure(text)
        || text.len() > 16 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The alphabet that a part is written in.
pub(super) fn alphabet(text: &str) -> Alphabet {
    Counted::of(text).alphabet(text)
}

/// How a part of a name looks.
pub(in super::super) fn look(text: &str) -> Look {
    let is_written_so = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) || !is_written_so {
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
    if is_measure(text) {
        return Look::Nothing;
    }
    if is_words(text) {
        let could_be = counted.digits > 0 || counted.upper > 0;
        return if could_be {
            Look::Alike(alphabet)
        } else {
            Look::Nothing
        };
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
        Alphabet::Lower => Look::Alike(alphabet),
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

/// Words and numbers in a row: `big-file`, `v2_final`, `Report-Q3`; a checksum with a hyphen in it is seldom cut
/// so neatly.
fn is_words(text: &str) -> bool {
    text.contains(['-', '_']) && text.split(['-', '_']).all(is_word)
}

/// Letters of one case, words written together, a number, letters and then a number, or the other way round.
fn is_word(piece: &str) -> bool {
    let rest = piece.trim_end_matches(|c: char| c.is_ascii_digit());
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.bytes().all(|b| b.is_ascii_lowercase())
        || rest.bytes().all(|b| b.is_ascii_uppercase())
        || is_camel(rest)
}

/// `640x1136`, `1024px`, `1080p60fps`.
fn is_measure(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let units = [
        "x", "p", "px", "dpi", "fps", "kbps", "mb", "kb", "pt", "ms", "hz", "khz",
    ];
    let is_of_one_case = !text.bytes().any(|b| b.is_ascii_uppercase())
        || !text.bytes().any(|b| b.is_ascii_lowercase());
    let mut words = text
        .split(|c: char| c.is_ascii_digit())
        .filter(|word| !word.is_empty());
    is_of_one_case
        && text.starts_with(|c: char| c.is_ascii_digit())
        && words.all(|word| units.contains(&word.to_ascii_lowercase().as_str()))
}

/// Words of two letters or more written together, with one number at most: `UserList2`, `Web2Page`.
fn is_camel(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut numbers = 0;
    // How many letters the word has that is being read; none at the beginning and in a number.
    let mut letters = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let ends_word = byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if ends_word && letters == 1 {
            return false;
        }
        if byte.is_ascii_digit() {
            numbers += usize::from(at == 0 || !bytes[at - 1].is_ascii_digit());
            letters = 0;
        } else if byte.is_ascii_uppercase() {
            letters = 1;
        } else {
            letters += 1;
        }
    }
    numbers <= 1 && letters != 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_usual_builds_are_recognised() {
        for text in [
            "8c1f4a2e",
            "5f3a9c0d12ab",
            "d41d8cd98f00b204e9800998ecf8427e",
            "D8a9sQwz",
            "B-x_9aQz",
            "FFHMD2TL",
            "7ZQ2XLNE",
            "x7k2p9qd",
        ] {
            assert!(
                matches!(look(text), Look::Checksum(_)),
                "{text}: {:?}",
                look(text)
            );
        }
    }

    #[test]
    fn what_is_as_likely_a_word_is_only_possible() {
        for text in ["DiwrgTda", "UserList", "KXPGBAGQ", "Web2Page"] {
            assert!(
                matches!(look(text), Look::Possible(_)),
                "{text}: {:?}",
                look(text)
            );
        }
    }

    #[test]
    fn what_only_neighbours_can_tell_is_nothing_by_itself() {
        for text in [
            "20394857",
            "abcde123",
            "qwerty12",
            "v2-final",
            "Report-Q3",
            "face2face",
        ] {
            assert!(
                matches!(look(text), Look::Alike(_)),
                "{text}: {:?}",
                look(text)
            );
        }
    }

    #[test]
    fn sizes_dates_versions_and_words_are_none() {
        for text in [
            "640x1136",
            "1024x768",
            "20241121",
            "20241121093000",
            "3",
            "deadbeef",
            "feedback",
            "facade",
            "calendar",
            "big-file",
            "apple-touch-icon",
            "background",
            "1080p60fps",
            "1200px",
            "12345678901234567890",
        ] {
            assert_eq!(look(text), Look::Nothing, "{text}");
        }
    }
}
