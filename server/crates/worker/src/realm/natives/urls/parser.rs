//! The basic URL parser (URL Standard, section 4.4) with its state override. The library `url` reads hosts
//! (domains to ASCII, IPv4, IPv6); its own parser differs from the standard on `file:` URLs and in setters.

mod hosts;
mod paths;

use super::escape::Escape;
use super::record::{Path, Record, default_port};

/// A state of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    SchemeStart,
    Scheme,
    NoScheme,
    SpecialRelativeOrAuthority,
    PathOrAuthority,
    Relative,
    RelativeSlash,
    SpecialAuthoritySlashes,
    SpecialAuthorityIgnoreSlashes,
    Authority,
    Host,
    Hostname,
    Port,
    File,
    FileSlash,
    FileHost,
    PathStart,
    Path,
    OpaquePath,
    Query,
    Fragment,
}

/// What comes after a state.
enum Step {
    /// To the next code point.
    Next,
    /// The same code point again, in the state that is now set.
    Again,
    /// Parsing ended early, which only a state override asks for.
    Done,
    Failed,
}

/// Parses an absolute URL, or a relative one against a base; `None` is failure.
pub(super) fn parse(text: &str, base: Option<&Record>) -> Option<Record> {
    let mut record = Record::new();
    let trimmed = text.trim_matches(|letter| ('\0'..=' ').contains(&letter));
    Machine::new(trimmed, base, None).run(&mut record)?;
    Some(record)
}

/// Parses into a record from a state on; `None` is failure, after which the record may have changed in part.
pub(super) fn parse_from(text: &str, state: State, record: &mut Record) -> Option<()> {
    Machine::new(text, None, Some(state)).run(record)
}

/// The parser between two code points.
struct Machine<'a> {
    input: Vec<char>,
    at: usize,
    base: Option<&'a Record>,
    state: State,
    given: Option<State>,
    buffer: Vec<char>,
    saw_at_sign: bool,
    is_in_brackets: bool,
    saw_password: bool,
}

impl<'a> Machine<'a> {
    fn new(text: &str, base: Option<&'a Record>, given: Option<State>) -> Machine<'a> {
        Machine {
            input: text
                .chars()
                .filter(|letter| !matches!(letter, '\t' | '\n' | '\r'))
                .collect(),
            at: 0,
            base,
            state: given.unwrap_or(State::SchemeStart),
            given,
            buffer: Vec::new(),
            saw_at_sign: false,
            is_in_brackets: false,
            saw_password: false,
        }
    }

    fn run(mut self, url: &mut Record) -> Option<()> {
        loop {
            let letter = self.input.get(self.at).copied();
            match self.step(letter, url) {
                Step::Again => {}
                Step::Next if letter.is_none() => return Some(()),
                Step::Next => self.at += 1,
                Step::Done => return Some(()),
                Step::Failed => return None,
            }
        }
    }

    fn step(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        match self.state {
            State::SchemeStart => self.scheme_start(letter),
            State::Scheme => self.scheme(letter, url),
            State::NoScheme => self.no_scheme(letter, url),
            State::SpecialRelativeOrAuthority => {
                if letter == Some('/') && self.next_is('/') {
                    self.at += 1;
                    self.goto(State::SpecialAuthorityIgnoreSlashes)
                } else {
                    self.again(State::Relative)
                }
            }
            State::PathOrAuthority if letter == Some('/') => self.goto(State::Authority),
            State::PathOrAuthority => self.again(State::Path),
            State::Relative => self.relative(letter, url),
            State::RelativeSlash => self.relative_slash(letter, url),
            State::SpecialAuthoritySlashes => {
                if letter == Some('/') && self.next_is('/') {
                    self.at += 1;
                    self.goto(State::SpecialAuthorityIgnoreSlashes)
                } else {
                    self.again(State::SpecialAuthorityIgnoreSlashes)
                }
            }
            State::SpecialAuthorityIgnoreSlashes => match letter {
                Some('/' | '\\') => Step::Next,
                _ => self.again(State::Authority),
            },
            State::Authority => self.authority(letter, url),
            State::Host | State::Hostname => self.host(letter, url),
            State::Port => self.port(letter, url),
            State::File => self.file(letter, url),
            State::FileSlash => self.file_slash(letter, url),
            State::FileHost => self.file_host(letter, url),
            State::PathStart => self.path_start(letter, url),
            State::Path => self.path(letter, url),
            State::OpaquePath => self.opaque_path(letter, url),
            State::Query => self.query(letter, url),
            State::Fragment => {
                if let Some(letter) = letter {
                    Escape::Fragment.push(url.fragment.get_or_insert_default(), letter);
                }
                Step::Next
            }
        }
    }

    fn goto(&mut self, state: State) -> Step {
        self.state = state;
        Step::Next
    }

    fn again(&mut self, state: State) -> Step {
        self.state = state;
        Step::Again
    }

    fn next_is(&self, letter: char) -> bool {
        self.input.get(self.at + 1) == Some(&letter)
    }

    fn take_buffer(&mut self) -> String {
        self.buffer.drain(..).collect()
    }

    /// The query or the fragment begins.
    fn begin_mark(&mut self, letter: char, url: &mut Record) -> Step {
        if letter == '?' {
            url.query = Some(String::new());
            self.goto(State::Query)
        } else {
            url.fragment = Some(String::new());
            self.goto(State::Fragment)
        }
    }

    fn scheme_start(&mut self, letter: Option<char>) -> Step {
        match letter {
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.buffer.push(letter.to_ascii_lowercase());
                self.goto(State::Scheme)
            }
            _ if self.given.is_none() => self.again(State::NoScheme),
            _ => Step::Failed,
        }
    }

    fn scheme(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        match letter {
            Some(letter) if letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.') => {
                self.buffer.push(letter.to_ascii_lowercase());
                return Step::Next;
            }
            Some(':') => {}
            _ if self.given.is_none() => {
                self.buffer.clear();
                self.at = 0;
                return self.again(State::NoScheme);
            }
            _ => return Step::Failed,
        }
        let scheme = self.take_buffer();
        if self.given.is_some() {
            let keeps = url.is_special() != default_port(&scheme).is_some()
                || ((url.has_credentials() || url.port.is_some()) && scheme == "file")
                || (url.scheme == "file" && url.host.as_deref().is_none_or(str::is_empty));
            if !keeps {
                url.scheme = scheme;
                if Some(url.port) == default_port(&url.scheme) {
                    url.port = None;
                }
            }
            return Step::Done;
        }
        url.scheme = scheme;
        if url.scheme == "file" {
            self.goto(State::File)
        } else if url.is_special() {
            match self.base {
                Some(base) if base.scheme == url.scheme => {
                    self.goto(State::SpecialRelativeOrAuthority)
                }
                _ => self.goto(State::SpecialAuthoritySlashes),
            }
        } else if self.next_is('/') {
            self.at += 1;
            self.goto(State::PathOrAuthority)
        } else {
            url.path = Path::Opaque(String::new());
            self.goto(State::OpaquePath)
        }
    }

    fn no_scheme(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        let Some(base) = self.base else {
            return Step::Failed;
        };
        if base.has_opaque_path() {
            if letter != Some('#') {
                return Step::Failed;
            }
            url.clone_from(base);
            return self.begin_mark('#', url);
        }
        self.again(if base.scheme == "file" {
            State::File
        } else {
            State::Relative
        })
    }

    fn relative(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        let Some(base) = self.base else {
            return Step::Failed;
        };
        url.scheme.clone_from(&base.scheme);
        match letter {
            Some('/') => return self.goto(State::RelativeSlash),
            Some('\\') if url.is_special() => return self.goto(State::RelativeSlash),
            _ => {}
        }
        url.clone_from(base);
        url.fragment = None;
        match letter {
            Some(mark @ ('?' | '#')) => self.begin_mark(mark, url),
            None => Step::Next,
            Some(_) => {
                url.query = None;
                url.shorten_path();
                self.again(State::Path)
            }
        }
    }

    fn relative_slash(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        match letter {
            Some('/' | '\\') if url.is_special() => self.goto(State::SpecialAuthorityIgnoreSlashes),
            Some('/') => self.goto(State::Authority),
            _ => {
                if let Some(base) = self.base {
                    url.username.clone_from(&base.username);
                    url.password.clone_from(&base.password);
                    url.host.clone_from(&base.host);
                    url.port = base.port;
                }
                self.again(State::Path)
            }
        }
    }
}
