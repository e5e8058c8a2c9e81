//! The states of the basic URL parser that read an authority: credentials, host and port.

use super::{Machine, State, Step};
use crate::realm::natives::urls::escape::Escape;
use crate::realm::natives::urls::record::{Record, default_port, is_drive};

/// The host parser, serialised.
fn parse_host(text: &str, is_special: bool) -> Option<String> {
    if !is_special && text.is_empty() {
        return Some(String::new());
    }
    let host = if is_special {
        url::Host::parse(text)
    } else {
        url::Host::parse_opaque(text)
    };
    host.ok().map(|host| host.to_string())
}

impl Machine<'_> {
    /// Whether the authority ends here.
    pub(super) fn ends_authority(letter: Option<char>, url: &Record) -> bool {
        match letter {
            None | Some('/' | '?' | '#') => true,
            Some('\\') => url.is_special(),
            Some(_) => false,
        }
    }

    pub(super) fn authority(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if letter == Some('@') {
            let mut before = self.take_buffer();
            if self.saw_at_sign {
                before.insert_str(0, "%40");
            }
            self.saw_at_sign = true;
            for letter in before.chars() {
                if letter == ':' && !self.saw_password {
                    self.saw_password = true;
                } else if self.saw_password {
                    Escape::UserInfo.push(&mut url.password, letter);
                } else {
                    Escape::UserInfo.push(&mut url.username, letter);
                }
            }
            return Step::Next;
        }
        if Machine::ends_authority(letter, url) {
            if self.saw_at_sign && self.buffer.is_empty() {
                return Step::Failed;
            }
            self.at -= self.buffer.len();
            self.buffer.clear();
            return self.again(State::Host);
        }
        self.buffer.extend(letter);
        Step::Next
    }

    pub(super) fn host(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if self.given.is_some() && url.scheme == "file" {
            return self.again(State::FileHost);
        }
        if letter == Some(':') && !self.is_in_brackets {
            if self.buffer.is_empty() || self.given == Some(State::Hostname) {
                return Step::Failed;
            }
            let Some(host) = parse_host(&self.take_buffer(), url.is_special()) else {
                return Step::Failed;
            };
            url.host = Some(host);
            return self.goto(State::Port);
        }
        if Machine::ends_authority(letter, url) {
            if self.buffer.is_empty()
                && (url.is_special()
                    || (self.given.is_some() && (url.has_credentials() || url.port.is_some())))
            {
                return Step::Failed;
            }
            let Some(host) = parse_host(&self.take_buffer(), url.is_special()) else {
                return Step::Failed;
            };
            url.host = Some(host);
            if self.given.is_some() {
                return Step::Done;
            }
            return self.again(State::PathStart);
        }
        match letter {
            Some('[') => self.is_in_brackets = true,
            Some(']') => self.is_in_brackets = false,
            _ => {}
        }
        self.buffer.extend(letter);
        Step::Next
    }

    pub(super) fn port(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if let Some(digit) = letter.filter(char::is_ascii_digit) {
            self.buffer.push(digit);
            return Step::Next;
        }
        if !Machine::ends_authority(letter, url) && self.given.is_none() {
            return Step::Failed;
        }
        if !self.buffer.is_empty() {
            let digits = self.take_buffer();
            let significant = digits.trim_start_matches('0');
            let Ok(port) = format!("0{significant}").parse::<u16>() else {
                return Step::Failed;
            };
            url.port = Some(port).filter(|_| default_port(&url.scheme) != Some(Some(port)));
            if self.given.is_some() {
                return Step::Done;
            }
        }
        if self.given.is_some() {
            return Step::Failed;
        }
        self.again(State::PathStart)
    }

    pub(super) fn file_host(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if !matches!(letter, None | Some('/' | '\\' | '?' | '#')) {
            self.buffer.extend(letter);
            return Step::Next;
        }
        // A drive letter is no host: it stays in the buffer and begins the path.
        if self.given.is_none() && is_drive(&self.buffer) {
            return self.again(State::Path);
        }
        let text = self.take_buffer();
        let host = if text.is_empty() {
            Some(String::new())
        } else {
            parse_host(&text, true)
        };
        let Some(host) = host else {
            return Step::Failed;
        };
        url.host = Some(host)
            .filter(|host| host != "localhost")
            .or_else(|| Some(String::new()));
        if self.given.is_some() {
            return Step::Done;
        }
        self.again(State::PathStart)
    }
}
