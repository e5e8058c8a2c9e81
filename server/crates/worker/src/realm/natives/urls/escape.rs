//! Percent-encode sets (URL Standard, section 1.3).

/// Which code points a component escapes.
#[derive(Clone, Copy)]
pub(super) enum Escape {
    C0Control,
    Fragment,
    Query,
    SpecialQuery,
    Path,
    UserInfo,
}

impl Escape {
    /// Whether the set contains a code point.
    fn contains(self, letter: char) -> bool {
        if !matches!(letter, ' '..='~') {
            return true;
        }
        match self {
            Escape::C0Control => false,
            Escape::Fragment => matches!(letter, ' ' | '"' | '<' | '>' | '`'),
            Escape::Query => matches!(letter, ' ' | '"' | '#' | '<' | '>'),
            Escape::SpecialQuery => letter == '\'' || Escape::Query.contains(letter),
            Escape::Path => {
                matches!(letter, '?' | '^' | '`' | '{' | '}') || Escape::Query.contains(letter)
            }
            Escape::UserInfo => {
                matches!(letter, '/' | ':' | ';' | '=' | '@' | '['..=']' | '|')
                    || Escape::Path.contains(letter)
            }
        }
    }

    /// Appends a code point, "UTF-8 percent-encoded" where the set contains it.
    pub(super) fn push(self, to: &mut String, letter: char) {
        if !self.contains(letter) {
            to.push(letter);
            return;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            to.push('%');
            for digit in [byte >> 4, byte & 15] {
                to.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }

    /// A whole text, escaped.
    pub(super) fn text(self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            self.push(&mut escaped, letter);
        }
        escaped
    }
}
