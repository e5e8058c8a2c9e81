//! How much more likely a part of a name is as a hash than as something that a person wrote: the logarithm of the
//! quotient. A hash is drawn evenly from its alphabet; a person writes words whose letters follow each other as they
//! do in English, numbers, and few changes between the two.

use super::token::Alphabet;

/// For each letter, and each letter that may follow it, the negative natural logarithm of how often it does, in quarters,
/// as a digit in base 36. Counted in some 70,000 names and descriptions of software packages.
const FOLLOWS: [&[u8; 26]; 26] = [
    b"re9dukdvgrkae8wbz9a7gfjmgm",
    b"8mlk9pnqads8noagz7do9rusdv",
    b"aujnapuaesabnv6nz9f7euxvjy",
    b"9ile4ijq8oddnnamzeencopnjz",
    b"bgcbheiplmtdd8mgl77cnhidlt",
    b"csntceyx7qtepr3uzbkhczyvfz",
    b"dpnr5peb6rxckddnt9dlbsxlmq",
    b"7opn4qyz9rtjjoaogfj9fvsziz",
    b"gebddfexvsmbd59csgc8rfukzi",
    b"7ztx8xxvgxrxlvgnis2vgokxzz",
    b"7gld4igl8ouhmhfmuh8igpqyjv",
    b"9mmf6nnu6smbou9hzqeealnzdt",
    b"6elk6sqs9osedn87rofqeqsxnz",
    b"bqc89h8qbnkknjciur97hhuqju",
    b"hhebsehvkkida6fez5ffcgelrt",
    b"9omk7spgbrp8in8cz9g9fxtumx",
    b"nrsoqywulry5rstjtejn2snywq",
    b"8ogg6iks8ofkdg8ltgbcfhotcz",
    b"em9f7isd9qjghlcdlpa6ejkofz",
    b"brhm7lp86nujks8jzbbffujvay",
    b"feggbjazazt9d9qcz998rtyhxs",
    b"6slt3rgs6zsqothtzpijdtvrsz",
    b"9sjm7snb5wqlsb9mzb9nrzouoz",
    b"gndmamlk9ktieri6zli3prsnfn",
    b"gfjmffhrilobgb93wnbenpjwxl",
    b"7poq3rsn9qmhlq9swnlkbzsmef",
];

/// What a part costs that is exactly as long as it is.
const LENGTH: f64 = 2.3;
/// A digit after a digit: numbers in names are mostly years, sizes and versions.
const DIGIT: f64 = 2.0;
/// A word that begins in the middle: any letter.
const LETTER: f64 = 3.0;
/// A number that begins in the middle.
const NUMBER: f64 = 2.3;
/// A change between letters and digits, or a capital within a word; each further one costs more.
const CHANGE: f64 = 2.0;
const FURTHER_CHANGE: f64 = 1.5;
/// A word of one letter.
const SINGLE: f64 = 2.0;
/// A hyphen or underscore.
const JOINT: f64 = 2.5;

/// Above 0 where a hash of that alphabet is likelier, in nats. `text` is of that alphabet.
pub(super) fn of_hash(text: &str, alphabet: Alphabet) -> f64 {
    // Names are far shorter than 2^52.
    let length: f64 = text.bytes().map(|_| 1.0).sum();
    by_person(text) - length * size(alphabet).ln()
}

fn size(alphabet: Alphabet) -> f64 {
    match alphabet {
        Alphabet::Hexadecimal => 16.0,
        Alphabet::Upper => 32.0,
        Alphabet::Lower => 36.0,
        Alphabet::Base64 => 64.0,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Joint,
    Digit,
    Lower,
    Upper,
}

fn class(byte: u8) -> Class {
    match byte {
        b'0'..=b'9' => Class::Digit,
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        _ => Class::Joint,
    }
}

/// What it costs to write a text as a person would, in nats.
fn by_person(text: &str) -> f64 {
    let mut cost = LENGTH;
    let mut before: Option<(u8, Class)> = None;
    let (mut run, mut changes) = (0, 0.0);
    for byte in text.bytes() {
        let its = class(byte);
        cost += match before {
            None | Some((_, Class::Joint)) => {
                run = 1;
                match its {
                    Class::Digit => 1.0 + NUMBER,
                    Class::Lower => LETTER,
                    Class::Upper | Class::Joint => 1.0 + LETTER,
                }
            }
            Some((_, class)) if its == Class::Joint => {
                let single = if run == 1 && class != Class::Digit {
                    SINGLE
                } else {
                    0.0
                };
                run = 0;
                JOINT + single
            }
            Some((last, class)) if class == its => {
                run += 1;
                match its {
                    Class::Digit => DIGIT,
                    Class::Lower => follows(last, byte),
                    // Capitals in a row: an acronym.
                    _ => follows(last, byte) + if run == 2 { 2.0 } else { 1.0 },
                }
            }
            Some((last, Class::Upper)) if its == Class::Lower && run == 1 => {
                run = 2;
                follows(last, byte)
            }
            Some((_, class)) => {
                changes += 1.0;
                let single = if run == 1 && class != Class::Digit {
                    SINGLE
                } else {
                    0.0
                };
                run = 1;
                let begins = if its == Class::Digit { NUMBER } else { LETTER };
                CHANGE + FURTHER_CHANGE * changes + single + begins
            }
        };
        before = Some((byte, its));
    }
    let ends_single = run == 1 && before.is_some_and(|(_, class)| class != Class::Digit);
    cost + if ends_single { SINGLE } else { 0.0 }
}

/// What it costs that one letter follows another.
fn follows(last: u8, next: u8) -> f64 {
    let at = |byte: u8| usize::from(byte.to_ascii_lowercase() - b'a');
    let digit = char::from(FOLLOWS[at(last)][at(next)]).to_digit(36);
    f64::from(digit.unwrap_or(35)) / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_writes_is_told_from_what_is_drawn() {
        for text in [
            "UserList",
            "calendar",
            "big-file",
            "loginForm",
            "chapter1",
            "facebook",
        ] {
            assert!(of_hash(text, Alphabet::Base64) < -5.0, "{text}");
        }
        for text in ["D8a9sQwz", "B-x_9aQz", "DiwrgTda", "KXPGBAGQ", "x7k2p9qd"] {
            assert!(of_hash(text, Alphabet::Base64) > 4.0, "{text}");
        }
        assert!(of_hash("8c1f4a2e", Alphabet::Hexadecimal) > 20.0);
    }
}
