//! What is wrong with an answer that can't be passed on: the field or the line of the app's that broke it, found in
//! the bytes as they came. Only looked for after hyper refused them.

use std::fmt::Write as _;

/// How much of what an app sent is shown to a person.
const MAX_SHOWN_CHARS: usize = 80;

/// How many fields a head may have, a request's as well as an answer's. Heads are bounded by their bytes; this only keeps
/// a head of nothing but names from costing many times its size.
pub(super) const MAX_FIELDS: usize = 1024;

/// How large the head of an answer may be.
pub(super) const MAX_ANSWER_HEAD: usize = 256 * 1024;

/// What an app sent, for a person: cut, and with every control character written as an escape.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == MAX_SHOWN_CHARS {
            shown.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Finds what makes the head in `raw` invalid, as words that continue "the app …"; `None` when nothing is found.
/// Interim answers before it are looked at too.
pub(super) fn find(raw: &[u8]) -> Option<String> {
    let mut rest = raw;
    loop {
        while let [b'\r' | b'\n', after @ ..] = rest {
            rest = after;
        }
        let (line, after) = next_line(rest)?;
        let (is_old, status) = match status_line(line) {
            Ok(parts) => parts,
            Err(why) => return Some(why),
        };
        let (fields, after) = match fields(after, raw.len()) {
            Ok(found) => found,
            Err(why) => return Some(why),
        };
        if !(100..200).contains(&status) || status == 101 {
            return framing(&fields, is_old);
        }
        rest = after;
    }
}

/// A line without its end, and what follows it.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

/// Whether it speaks HTTP/1.0, and the status.
fn status_line(line: &[u8]) -> Result<(bool, u16), String> {
    let no_http = || format!("did not answer in HTTP/1.1 but with `{}`", shown(line));
    let Some((version, rest)) = line.split_at_checked(9) else {
        return Err(no_http());
    };
    let is_old = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return Err(no_http()),
    };
    let digits = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let status = std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|status| *status >= 100);
    match status {
        None => Err(format!(
            "sent the status line `{}`, whose status is not a number from 100 to 999",
            shown(line)
        )),
        Some(_) if rest.iter().any(|byte| is_control(*byte)) => Err(format!(
            "sent the status line `{}`, which holds a control character",
            shown(line)
        )),
        Some(status) => Ok((is_old, status)),
    }
}

type Field<'a> = (&'a [u8], &'a [u8]);

/// The fields of a head, and what follows it.
fn fields(mut rest: &[u8], received: usize) -> Result<(Vec<Field<'_>>, &[u8]), String> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    loop {
        let Some((line, after)) = next_line(rest) else {
            let last = fields.last().map_or(&b""[..], |(name, _)| *name);
            return Err(if received >= MAX_ANSWER_HEAD {
                format!(
                    "sent a head of more than {} KiB; the last whole field in it is `{}`",
                    MAX_ANSWER_HEAD / 1024,
                    shown(last)
                )
            } else {
                format!(
                    "ended its answer in the middle of the head, after the field `{}`",
                    shown(last)
                )
            });
        };
        rest = after;
        if line.is_empty() {
            return Ok((fields, rest));
        }
        if fields.len() == MAX_FIELDS {
            return Err(format!("sent more than {MAX_FIELDS} fields"));
        }
        let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
        if is_folded && !fields.is_empty() {
            check_value(fields[fields.len() - 1].0, line)?;
            continue;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err(format!(
                "sent the line `{}` among its fields, which has no colon",
                shown(line)
            ));
        };
        let (name, value) = (line[..colon].trim_ascii_end(), &line[colon + 1..]);
        if name.is_empty() {
            return Err(format!("sent `{}`, a field without a name", shown(line)));
        }
        if !name.iter().all(|byte| is_token(*byte)) {
            return Err(format!(
                "sent the field `{}`, whose name holds a character that is not allowed there",
                shown(name)
            ));
        }
        check_value(name, value)?;
        fields.push((name, value.trim_ascii()));
    }
}

fn check_value(name: &[u8], value: &[u8]) -> Result<(), String> {
    match value.iter().find(|byte| is_control(**byte)) {
        Some(byte) => Err(format!(
            "sent the field `{}` with the control character 0x{byte:02x} in its value",
            shown(name)
        )),
        None => Ok(()),
    }
}

fn framing(fields: &[Field<'_>], is_old: bool) -> Option<String> {
    let of = |wanted: &str| -> Vec<&[u8]> {
        fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
            .map(|(_, value)| *value)
            .collect()
    };
    let codings = of("transfer-encoding");
    if !codings.is_empty() {
        return is_old.then(|| {
            format!(
                "sent `Transfer-Encoding: {}` in an HTTP/1.0 answer, which does not have it",
                shown(&codings.join(&b", "[..]))
            )
        });
    }
    let lengths = of("content-length");
    (!lengths.is_empty()).then(|| {
        format!(
            "sent `Content-Length: {}`, which is not one number",
            shown(&lengths.join(&b", "[..]))
        )
    })
}

fn is_control(byte: u8) -> bool {
    byte != b'\t' && (byte < b' ' || byte == 0x7f)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_breaks_an_answer_is_named() {
        let ok = "HTTP/1.1 200 OK\r\nA: 1\r\n";
        for (raw, words) in [
            (format!("{ok}X Foo: 1\r\n\r\n"), "the field `X Foo`"),
            (format!("{ok}X(y): 1\r\n\r\n"), "the field `X(y)`"),
            (
                format!("{ok}X-Nul: a\0b\r\n\r\n"),
                "`X-Nul` with the control character 0x00",
            ),
            (
                format!("{ok}X-Cr: a\rb\r\n\r\n"),
                "`X-Cr` with the control character 0x0d",
            ),
            (
                format!("{ok}X-Fold: a\r\n b\x1bc\r\n\r\n"),
                "`X-Fold` with the control character 0x1b",
            ),
            (format!("{ok}nonsense\r\n\r\n"), "the line `nonsense`"),
            (format!("{ok}: x\r\n\r\n"), "without a name"),
            (
                format!("{ok}Content-Length: 3, 4\r\n\r\n"),
                "`Content-Length: 3, 4`",
            ),
            (
                format!("{ok}Content-Length: 3\r\ncontent-length: 4\r\n\r\n"),
                "`Content-Length: 3, 4`",
            ),
            (
                format!("{ok}Content-Length: -1\r\n\r\n"),
                "`Content-Length: -1`",
            ),
            (
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
                "HTTP/1.0 answer",
            ),
            (
                "HTTP/1.1 20 OK\r\n\r\n".to_owned(),
                "the status line `HTTP/1.1 20 OK`",
            ),
            (
                "HTTP/1.1 200 O\x1bK\r\n\r\n".to_owned(),
                "control character",
            ),
            ("SSH-2.0-OpenSSH\r\n\r\n".to_owned(), "`SSH-2.0-OpenSSH`"),
            (
                "HTTP/2.0 200 OK\r\n\r\n".to_owned(),
                "did not answer in HTTP/1.1",
            ),
            (
                format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{ok}X Foo: 1\r\n\r\n"),
                "the field `X Foo`",
            ),
            (format!("{ok}X-Half: 1\r\nX-"), "after the field `X-Half`"),
        ] {
            let found = find(raw.as_bytes()).unwrap_or_default();
            assert!(found.contains(words), "{raw:?}: {found:?}");
        }
        let many = "a:\r\n".repeat(MAX_FIELDS + 1);
        let found = find(format!("{ok}{many}\r\n").as_bytes()).unwrap();
        assert_eq!(found, "sent more than 1024 fields");
        let long = format!("{ok}X-Long: {}", "x".repeat(MAX_ANSWER_HEAD));
        let found = find(long.as_bytes()).unwrap();
        assert!(found.contains("more than 256 KiB"), "{found}");
    }

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown(b"a\x1b[31m\r\nb"), "a\\u{1b}[31m\\r\\nb");
        assert_eq!(shown(&[b'x'; 200]).chars().count(), MAX_SHOWN_CHARS + 1);
        assert_eq!(shown(b"\xff"), "\u{fffd}");
    }
}
