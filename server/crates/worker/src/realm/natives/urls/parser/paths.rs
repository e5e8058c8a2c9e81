//! The states of the basic URL parser that read a path and what follows it, `file:` URLs included.

use super::{Machine, State, Step};
use crate::realm::natives::urls::escape::Escape;
use crate::realm::natives::urls::record::{Path, Record, is_drive, is_normalized_drive};

impl Machine<'_> {
    /// Whether a drive letter begins here that a path keeps to itself.
    pub(super) fn starts_with_drive(&self) -> bool {
        let rest = &self.input[self.at.min(self.input.len())..];
        rest.len() >= 2
            && is_drive(&rest[..2])
            && matches!(rest.get(2), None | Some('/' | '\\' | '?' | '#'))
    }

    pub(super) fn file(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        "file".clone_into(&mut url.scheme);
        url.host = Some(String::new());
        if let Some('/' | '\\') = letter {
            return self.goto(State::FileSlash);
        }
        let Some(base) = self.base.filter(|base| base.scheme == "file") else {
            return self.again(State::Path);
        };
        url.host.clone_from(&base.host);
        url.path.clone_from(&base.path);
        url.query.clone_from(&base.query);
        match letter {
            Some(mark @ ('?' | '#')) => self.begin_mark(mark, url),
            None => Step::Next,
            Some(_) => {
                url.query = None;
                if self.starts_with_drive() {
                    url.segments().clear();
                } else {
                    url.shorten_path();
                }
                self.again(State::Path)
            }
        }
    }

    pub(super) fn file_slash(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if let Some('/' | '\\') = letter {
            return self.goto(State::FileHost);
        }
        if let Some(base) = self.base.filter(|base| base.scheme == "file") {
            url.host.clone_from(&base.host);
            if let Path::List(list) = &base.path
                && let Some(first) = list.first().filter(|first| is_normalized_drive(first))
                && !self.starts_with_drive()
            {
                url.segments().push(first.clone());
            }
        }
        self.again(State::Path)
    }

    pub(super) fn path_start(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        if url.is_special() {
            return match letter {
                Some('/' | '\\') => self.goto(State::Path),
                _ => self.again(State::Path),
            };
        }
        match letter {
            Some(mark @ ('?' | '#')) if self.given.is_none() => self.begin_mark(mark, url),
            Some('/') => self.goto(State::Path),
            Some(_) => self.again(State::Path),
            None => {
                if self.given.is_some() && url.host.is_none() {
                    url.segments().push(String::new());
                }
                Step::Next
            }
        }
    }

    pub(super) fn path(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        let is_slash = letter == Some('/') || (letter == Some('\\') && url.is_special());
        let mark = letter.filter(|letter| self.given.is_none() && matches!(letter, '?' | '#'));
        if !is_slash && mark.is_none() {
            let Some(letter) = letter else {
                self.end_segment(false, url);
                return Step::Next;
            };
            let mut escaped = String::new();
            Escape::Path.push(&mut escaped, letter);
            self.buffer.extend(escaped.chars());
            return Step::Next;
        }
        self.end_segment(is_slash, url);
        match mark {
            Some(mark) => self.begin_mark(mark, url),
            None => Step::Next,
        }
    }

    /// A segment ends, at a slash or at the end of the path.
    pub(super) fn end_segment(&mut self, at_slash: bool, url: &mut Record) {
        let mut segment = self.take_buffer();
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        if dots == ".." || dots == "." {
            if dots == ".." {
                url.shorten_path();
            }
            if !at_slash {
                url.segments().push(String::new());
            }
            return;
        }
        let is_first = url.segments().is_empty();
        if url.scheme == "file" && is_first && is_drive(&segment.chars().collect::<Vec<char>>()) {
            segment.replace_range(1.., ":");
        }
        url.segments().push(segment);
    }

    pub(super) fn opaque_path(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        match letter {
            Some(mark @ ('?' | '#')) if self.given.is_none() => self.begin_mark(mark, url),
            None => Step::Next,
            Some(letter) => {
                if let Path::Opaque(text) = &mut url.path {
                    Escape::C0Control.push(text, letter);
                }
                Step::Next
            }
        }
    }

    pub(super) fn query(&mut self, letter: Option<char>, url: &mut Record) -> Step {
        match letter {
            Some('#') if self.given.is_none() => self.begin_mark('#', url),
            None => Step::Next,
            Some(letter) => {
                let set = if url.is_special() {
                    Escape::SpecialQuery
                } else {
                    Escape::Query
                };
                set.push(url.query.get_or_insert_default(), letter);
                Step::Next
            }
        }
    }
}
