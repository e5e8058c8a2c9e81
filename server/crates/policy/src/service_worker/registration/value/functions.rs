//! The functions around a token: their parameters, and what their calls pass.

use super::{MAX_VALUES, Script, Stretch};

impl Script<'_> {
    /// The blocks around a token, the innermost first.
    fn blocks(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let mut at = at;
        std::iter::from_fn(move || {
            at = *self.around.get(at)?;
            (at != usize::MAX).then_some(at)
        })
    }

    /// Whether what is given at one token is seen at another: the block around the first is around the second too.
    pub(super) fn sees(&self, from: usize, at: usize) -> bool {
        match self.blocks(at).next() {
            None => true,
            Some(block) => self
                .partner(block)
                .is_some_and(|close| block < from && from < close),
        }
    }

    /// The function around a token that has a parameter of that name, by its body, and which one it is; `None` when
    /// something nearer gives the name a value.
    pub(super) fn parameter(&self, name: &str, from: usize) -> Option<(usize, usize)> {
        for block in self.blocks(from) {
            if !self.spend(from - block) {
                return None;
            }
            let own = (block + 1..from).any(|at| {
                self.name(at) == Some(name)
                    && self.is(at + 1, "=")
                    && !self.is(at - 1, ".")
                    && self.sees(from, at)
            });
            if own {
                return None;
            }
            let parameters = self.parameters(block);
            if let Some(number) = parameters
                .iter()
                .position(|part| self.name(part.start) == Some(name))
            {
                return Some((block, number));
            }
        }
        None
    }

    /// The parameters of the function whose body is this block.
    fn parameters(&self, block: usize) -> Vec<Stretch> {
        let before = match block.checked_sub(1) {
            Some(arrow) if self.is(arrow, "=>") => arrow.checked_sub(1),
            other => other,
        };
        let Some(before) = before else {
            return Vec::new();
        };
        if self.is(before, ")") {
            let Some(open) = self.partner(before) else {
                return Vec::new();
            };
            let heads = open
                .checked_sub(1)
                .and_then(|at| self.name(at))
                .is_some_and(|name| matches!(name, "if" | "while" | "for" | "with" | "switch"));
            return match heads {
                true => Vec::new(),
                false => self.parts(open),
            };
        }
        match self.is(block - 1, "=>") && self.name(before).is_some() {
            true => std::iter::once(before..before + 1).collect(),
            false => Vec::new(),
        }
    }

    /// What the calls of the function with that body pass as its parameter, or what that is by default.
    pub(super) fn passed(&self, block: usize, number: usize, depth: usize) -> Vec<String> {
        let Some(parameter) = self.parameters(block).get(number).cloned() else {
            return Vec::new();
        };
        let mut values = Vec::new();
        // Called on the spot: `(function(e){…})("/sw.js")`.
        if let Some(close) = self.partner(block) {
            let after = match self.is(close + 1, ")") {
                true => close + 2,
                false => close + 1,
            };
            if self.is(after, "(")
                && let Some(argument) = self.parts(after).get(number)
            {
                values.extend(self.expression(argument.clone(), depth + 2));
            }
        }
        if let Some(name) = self.function_name(block) {
            if !self.spend(self.tokens.len()) {
                return values;
            }
            for at in 0..self.tokens.len().saturating_sub(1) {
                let is_call = self.name(at) == Some(name)
                    && self.is(at + 1, "(")
                    && !(at > 0 && self.name(at - 1) == Some("function"))
                    && self.partner(at + 1).is_none_or(|close| close + 1 != block);
                if is_call && let Some(argument) = self.parts(at + 1).get(number) {
                    values.extend(self.expression(argument.clone(), depth + 2));
                }
                if values.len() >= MAX_VALUES {
                    break;
                }
            }
        }
        if values.is_empty() && self.is(parameter.start + 1, "=") {
            values = self.expression(parameter.start + 2..parameter.end, depth + 2);
        }
        values
    }

    /// The name by which the function with that body is called.
    fn function_name(&self, block: usize) -> Option<&str> {
        let first = self.parameters(block).first()?.start;
        let open = match self.is(first.checked_sub(1)?, "(") {
            true => first - 1,
            false => first,
        };
        let before = open.checked_sub(1)?;
        match self.name(before) {
            // `name = function(`, `name: function(`, `name = async (`
            Some("function" | "async") => self.assigned(before.checked_sub(1)?),
            // `function name(`, and a method.
            Some(name) => Some(name),
            None => self.assigned(before),
        }
    }

    fn assigned(&self, mark: usize) -> Option<&str> {
        let mark = match self.name(mark) {
            Some("function" | "async") => mark.checked_sub(1)?,
            _ => mark,
        };
        match self.is(mark, "=") || self.is(mark, ":") {
            true => self.name(mark.checked_sub(1)?),
            false => None,
        }
    }
}
