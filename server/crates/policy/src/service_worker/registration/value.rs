//! What an expression of a script comes to, as far as that can be told without running it: strings, their sums,
//! names that were given one, addresses of the page. What can't be told has no value; what depends has several.

mod functions;

use std::cell::Cell;

use url::Url;

use super::scan::{Lexeme, Token};

/// How deep names may lead to names.
const MAX_DEPTH: usize = 12;
/// How many values an expression may have.
const MAX_VALUES: usize = 6;
/// How many assignments to a name are read.
const MAX_ASSIGNMENTS: usize = 2_000;
/// How many tokens are read to evaluate one script, repeats included. After that, expressions have no value.
const MAX_TOKENS_READ: usize = 60_000_000;
/// How many of them are reserved for registrations; `fetch()` calls may use up the rest.
const RESERVED_FOR_REGISTRATIONS: usize = 40_000_000;

/// A script's tokens, with where each bracket is closed, and where it stands.
pub struct Script<'a> {
    /// Its tokens.
    pub tokens: &'a [Lexeme],
    /// For each opening bracket its closing one, and the reverse.
    partner: Vec<usize>,
    /// For each token the curly bracket that opens the block around it.
    around: Vec<usize>,
    /// How many tokens may still be looked at.
    left: Cell<usize>,
    /// Whether something depended on the page.
    asked_where: Cell<bool>,
    /// The page that it runs on.
    document: &'a Url,
    /// Its own URL: the page's where it stands in the page.
    pub url: &'a Url,
}

/// A stretch of tokens, its end left out.
pub type Stretch = std::ops::Range<usize>;

impl<'a> Script<'a> {
    /// Of these tokens.
    pub fn new(tokens: &'a [Lexeme], document: &'a Url, url: &'a Url) -> Script<'a> {
        let mut partner = vec![usize::MAX; tokens.len()];
        let mut around = vec![usize::MAX; tokens.len()];
        let mut open = Vec::new();
        for (at, lexeme) in tokens.iter().enumerate() {
            if lexeme.is("(") || lexeme.is("[") || lexeme.is("{") {
                open.push(at);
            } else if (lexeme.is(")") || lexeme.is("]") || lexeme.is("}"))
                && let Some(from) = open.pop()
            {
                partner[from] = at;
                partner[at] = from;
            }
        }
        let mut blocks: Vec<usize> = Vec::new();
        for (at, around) in around.iter_mut().enumerate() {
            *around = blocks.last().copied().unwrap_or(usize::MAX);
            if blocks.last().is_some_and(|block| partner[*block] == at) {
                blocks.pop();
            }
            if tokens[at].is("{") && partner[at] != usize::MAX {
                blocks.push(at);
            }
        }
        Script {
            tokens,
            partner,
            around,
            left: Cell::new(MAX_TOKENS_READ),
            asked_where: Cell::new(false),
            document,
            url,
        }
    }

    /// The tokens of a template's hole as a script of their own, which works on this one's account.
    pub fn within<'b>(&'b self, hole: &'b [Lexeme]) -> Script<'b> {
        let inner = Script::new(hole, self.document, self.url);
        inner.left.set(self.left.get().saturating_sub(hole.len()));
        inner
    }

    /// Takes back the account that [`Script::within`] gave.
    pub fn settle(&self, inner: &Script<'_>) {
        self.left.set(inner.left.get());
        self.asked_where
            .set(self.asked_where.get() || inner.asked_where.get());
    }

    /// Whether something depended on which page it runs on.
    pub fn asked_where(&self) -> bool {
        self.asked_where.get()
    }

    /// Whether so many tokens may still be looked at; they count as looked at.
    pub fn spend(&self, tokens: usize) -> bool {
        let left = self.left.get().checked_sub(tokens);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The values of a stretch that matters less than a registration: told with what these can spare.
    pub fn spare_values(&self, of: Stretch) -> Vec<String> {
        let kept = self.left.get().min(RESERVED_FOR_REGISTRATIONS);
        self.left.set(self.left.get() - kept);
        let values = self.values(of);
        self.left.set(self.left.get() + kept);
        values
    }

    fn document(&self) -> &Url {
        self.asked_where.set(true);
        self.document
    }

    /// The bracket that closes, or opened, this one.
    pub fn partner(&self, at: usize) -> Option<usize> {
        let partner = *self.partner.get(at)?;
        (partner != usize::MAX).then_some(partner)
    }

    /// Whether this token is that mark.
    pub fn is(&self, at: usize, mark: &str) -> bool {
        self.tokens.get(at).is_some_and(|lexeme| lexeme.is(mark))
    }

    /// The name that this token is.
    pub fn name(&self, at: usize) -> Option<&str> {
        self.tokens.get(at)?.name()
    }

    /// What stands between a bracket and its partner, cut at its commas.
    pub fn parts(&self, open: usize) -> Vec<Stretch> {
        let Some(close) = self.partner(open) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        let mut from = open + 1;
        for at in self.top(open + 1..close) {
            if self.is(at, ",") {
                parts.push(from..at);
                from = at + 1;
            }
        }
        if from < close {
            parts.push(from..close);
        }
        parts
    }

    /// What an object literal gives to a key: `{` stands at `open`.
    pub fn property(&self, open: usize, key: &str) -> Option<Stretch> {
        self.parts(open).into_iter().find_map(|part| {
            let its = self.tokens.get(part.start)?;
            let is_it = its.name() == Some(key) || its.text() == Some(key);
            if !is_it {
                return None;
            }
            match self.is(part.start + 1, ":") {
                true => Some(part.start + 2..part.end),
                // `{ scope }` gives it the name's own value.
                false => (part.len() == 1).then_some(part),
            }
        })
    }

    /// The values that a stretch may come to; none when that can't be told.
    pub fn values(&self, of: Stretch) -> Vec<String> {
        let mut values = self.expression(of, 0);
        let mut once = std::collections::HashSet::new();
        values.retain(|value| once.insert(value.clone()));
        values
    }

    /// The tokens of a stretch that stand in no bracket of it.
    fn top(&self, of: Stretch) -> impl Iterator<Item = usize> + '_ {
        let mut at = of.start;
        std::iter::from_fn(move || {
            if at >= of.end {
                return None;
            }
            let here = at;
            let opens = self.is(here, "(") || self.is(here, "[") || self.is(here, "{");
            at = match self.partner(here) {
                Some(close) if opens && close < of.end => close + 1,
                _ => here + 1,
            };
            Some(here)
        })
    }

    fn split(&self, of: &Stretch, marks: &[&str]) -> Option<usize> {
        self.top(of.clone())
            .find(|at| marks.iter().any(|mark| self.is(*at, mark)))
    }

    fn expression(&self, of: Stretch, depth: usize) -> Vec<String> {
        if depth > MAX_DEPTH || of.is_empty() || !self.spend(of.len()) {
            return Vec::new();
        }
        let within = |of: Stretch| self.expression(of, depth + 1);
        if self.is(of.start, "(") && self.partner(of.start) == Some(of.end - 1) {
            // The last of a sequence is its value.
            return self.parts(of.start).pop().map(within).unwrap_or_default();
        }
        if matches!(self.name(of.start), Some("await" | "void")) {
            return within(of.start + 1..of.end);
        }
        if let Some(question) = self.split(&of, &["?"]) {
            let Some(colon) = self.split(&(question + 1..of.end), &[":"]) else {
                return Vec::new();
            };
            let mut both = within(question + 1..colon);
            both.extend(within(colon + 1..of.end));
            both.truncate(MAX_VALUES);
            return both;
        }
        if let Some(or) = self.split(&of, &["??", "||"]) {
            let left = within(of.start..or);
            return match left.iter().any(|value| !value.is_empty()) {
                true => left,
                false => within(or + 1..of.end),
            };
        }
        if let Some(and) = self.split(&of, &["&&"]) {
            return within(and + 1..of.end);
        }
        if self.split(&of, &["+"]).is_some() {
            return self.sum(of, depth);
        }
        if let Some(equals) = self.split(&of, &["="]) {
            return within(equals + 1..of.end);
        }
        self.primary(of, depth)
    }

    fn sum(&self, of: Stretch, depth: usize) -> Vec<String> {
        let mut parts = Vec::new();
        let mut from = of.start;
        for at in self.top(of.clone()) {
            if self.is(at, "+") {
                parts.push(self.expression(from..at, depth + 1));
                from = at + 1;
            }
        }
        parts.push(self.expression(from..of.end, depth + 1));
        joined(&parts)
    }

    fn primary(&self, of: Stretch, depth: usize) -> Vec<String> {
        let within = |of: Stretch| self.expression(of, depth + 1);
        let last = of.end - 1;
        if of.len() == 1 {
            match &self.tokens[of.start].token {
                Token::Text(text) => return vec![text.clone()],
                Token::Template(texts, holes) => {
                    let mut parts = Vec::new();
                    for (number, text) in texts.iter().enumerate() {
                        parts.push(vec![text.clone()]);
                        if let Some(hole) = holes.get(number) {
                            parts.push(self.hole(hole, of.start, depth));
                        }
                    }
                    return joined(&parts);
                }
                Token::Name(_) | Token::Other | Token::Mark(_) => {}
            }
        }
        // `new URL(a, b)`, with `.href`, `.pathname` or `.toString()` behind it.
        if self.name(of.start) == Some("new") {
            let Some(open) = (of.start + 2..of.end).find(|at| self.is(*at, "(")) else {
                return Vec::new();
            };
            if self.name(open - 1) != Some("URL") {
                return Vec::new();
            }
            let Some(close) = self.partner(open) else {
                return Vec::new();
            };
            let parts = self.parts(open);
            let target = parts.first().cloned().map(within).unwrap_or_default();
            let bases = match parts.get(1) {
                Some(base) => within(base.clone()),
                None => vec![self.document().to_string()],
            };
            let part = self.name(close + 2);
            return target
                .iter()
                .flat_map(|target| bases.iter().map(move |base| (target, base)))
                .filter_map(|(target, base)| Url::parse(base).ok()?.join(target).ok())
                .map(|url| match part {
                    Some("pathname") => url.path().to_owned(),
                    Some("origin") => url.origin().ascii_serialization(),
                    _ => url.to_string(),
                })
                .collect();
        }
        if self.is(last, ")") && self.partner(last).is_some_and(|open| open > of.start) {
            return self.call(of, depth);
        }
        self.place(&of)
            .map(|value| vec![value])
            .unwrap_or_else(|| self.named(of, depth))
    }

    /// A hole's tokens are a script of their own, whose names are those of where the template stands.
    fn hole(&self, hole: &[Lexeme], at: usize, depth: usize) -> Vec<String> {
        let inner = self.within(hole);
        let is_path = hole.iter().enumerate().all(|(number, lexeme)| {
            if number % 2 == 0 {
                lexeme.name().is_some()
            } else {
                lexeme.is(".")
            }
        });
        let values = inner.expression(0..hole.len(), depth + 1);
        self.settle(&inner);
        match values.is_empty() && is_path {
            true => self.given(hole, at, depth),
            false => values,
        }
    }

    fn call(&self, of: Stretch, depth: usize) -> Vec<String> {
        let open = self.partner(of.end - 1).unwrap_or(of.start);
        let parts = self.parts(open);
        let values = |number: usize| {
            parts
                .get(number)
                .map(|part| self.expression(part.clone(), depth + 1))
                .unwrap_or_default()
        };
        match self.name(open - 1) {
            Some("concat") if self.is(open - 2, ".") => {
                let mut all = vec![self.expression(of.start..open - 2, depth + 1)];
                all.extend((0..parts.len()).map(values));
                joined(&all)
            }
            Some("toString" | "trim") if self.is(open - 2, ".") && parts.is_empty() => {
                self.expression(of.start..open - 2, depth + 1)
            }
            // Trusted Types, and what changes nothing of a plain URL.
            Some("createScriptURL" | "String" | "encodeURI" | "unsafeResourceUrl") => values(0),
            _ => Vec::new(),
        }
    }

    /// Addresses that every page has.
    fn place(&self, of: &Stretch) -> Option<String> {
        let mut path = String::new();
        for lexeme in &self.tokens[of.clone()] {
            match (&lexeme.token, lexeme.name()) {
                (_, Some(name)) => path.push_str(name),
                (Token::Mark("." | "?."), _) => path.push('.'),
                _ => return None,
            }
        }
        let mut path = path.as_str();
        while let Some(rest) = ["window.", "self.", "globalThis.", "document.location"]
            .iter()
            .find_map(|start| path.strip_prefix(start).map(|rest| (start, rest)))
        {
            if *rest.0 == "document.location" {
                return location(self.document(), rest.1.strip_prefix('.').unwrap_or("href"));
            }
            path = rest.1;
        }
        match path {
            "origin" => Some(self.document().origin().ascii_serialization()),
            "document.baseURI" | "document.URL" | "location" => Some(self.document().to_string()),
            "import.meta.url" | "document.currentScript.src" => Some(self.url.to_string()),
            _ => {
                let part = path.strip_prefix("location.")?;
                location(self.document(), part)
            }
        }
    }

    fn named(&self, of: Stretch, depth: usize) -> Vec<String> {
        let is_path = of.clone().all(|at| match (at - of.start) % 2 {
            0 => self.name(at).is_some(),
            _ => self.is(at, "."),
        });
        match is_path && of.len() % 2 == 1 {
            true => self.given(&self.tokens[of.clone()], of.start, depth),
            false => Vec::new(),
        }
    }

    /// What a name was given, as it is seen from a place: by the last giving before it in a block around it, else by
    /// the first one after.
    fn given(&self, path: &[Lexeme], from: usize, depth: usize) -> Vec<String> {
        if depth > MAX_DEPTH || !self.spend(self.tokens.len()) {
            return Vec::new();
        }
        let is_simple = path.len() == 1;
        if is_simple
            && let Some((block, number)) = self.parameter(path[0].name().unwrap_or_default(), from)
        {
            return self.passed(block, number, depth);
        }
        let givings: Vec<usize> = (0..self.tokens.len().saturating_sub(path.len()))
            .filter(|at| self.matches(path, *at) && self.is(at + path.len(), "="))
            .filter(|at| !(*at > 0 && (self.is(at - 1, ".") || self.is(at - 1, "?."))))
            .filter(|at| !is_simple || self.sees(from, *at))
            .take(MAX_ASSIGNMENTS)
            .collect();
        let before = givings.iter().rev().find(|at| **at < from);
        let chosen = before.or_else(|| givings.iter().find(|at| **at > from));
        if let Some(at) = chosen {
            let start = at + path.len() + 1;
            return self.expression(start..self.end_of_value(start), depth + 1);
        }
        // A member that no statement gives a value: what object literals say of it, when they agree.
        match path.last().and_then(Lexeme::name) {
            Some(key) if !is_simple => self.agreed(key, depth),
            _ => Vec::new(),
        }
    }

    fn matches(&self, path: &[Lexeme], at: usize) -> bool {
        path.iter()
            .zip(&self.tokens[at..])
            .all(|(its, here)| its.token == here.token)
    }

    fn agreed(&self, key: &str, depth: usize) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        if !self.spend(self.tokens.len()) {
            return all;
        }
        for at in 0..self.tokens.len().saturating_sub(2) {
            let is_key = self.name(at) == Some(key) && self.is(at + 1, ":");
            let is_member = is_key && at > 0 && (self.is(at - 1, "{") || self.is(at - 1, ","));
            if is_member {
                all.extend(self.expression(at + 2..self.end_of_value(at + 2), depth + 4));
            }
        }
        all.sort();
        all.dedup();
        match all.len() {
            1 => all,
            _ => Vec::new(),
        }
    }

    /// Where a value ends that a name is given: at a comma, a semicolon, the bracket around it, or the line's end
    /// where a semicolon would be inserted (ECMAScript, section 12.10).
    pub fn end_of_value(&self, from: usize) -> usize {
        let mut before: Option<&Lexeme> = None;
        for at in self.top(from..self.tokens.len()) {
            let here = &self.tokens[at];
            let ends = [",", ";", ")", "]", "}"].iter().any(|mark| here.is(mark));
            let begins_anew = before.is_some_and(|before| {
                before.line < here.line && before.ends_a_value() && here.ends_a_value()
            });
            if ends || begins_anew {
                return at;
            }
            before = match self.partner(at).filter(|close| *close > at) {
                Some(close) => self.tokens.get(close),
                None => Some(here),
            };
        }
        self.tokens.len()
    }
}

fn location(document: &Url, part: &str) -> Option<String> {
    match part {
        "href" => Some(document.to_string()),
        "origin" => Some(document.origin().ascii_serialization()),
        "protocol" => Some(format!("{}:", document.scheme())),
        "hostname" => Some(document.host_str()?.to_owned()),
        "host" => Some(match document.port() {
            Some(port) => format!("{}:{port}", document.host_str()?),
            None => document.host_str()?.to_owned(),
        }),
        "pathname" => Some(document.path().to_owned()),
        _ => None,
    }
}

/// Every way to put one of each together; none when one has none.
fn joined(parts: &[Vec<String>]) -> Vec<String> {
    let mut all = vec![String::new()];
    for part in parts {
        all = all
            .iter()
            .flat_map(|start| part.iter().map(move |end| format!("{start}{end}")))
            .take(MAX_VALUES)
            .collect();
    }
    all
}
