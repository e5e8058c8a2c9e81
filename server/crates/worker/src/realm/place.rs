//! Where in the worker's script something happened: the nearest frame of a stack that is not our own.

use crate::facts::Place;

/// What the names of our own files begin with in a stack.
pub(super) const OWN_PREFIX: &str = "tealkeep:";

/// The nearest place in the worker's script, out of the text of an error's `stack`.
pub(super) fn nearest(stack: &str) -> Option<Place> {
    stack.lines().find_map(frame)
}

/// One line of a stack, `    at name (URL:line:column)`, unless it is ours or the engine's.
fn frame(line: &str) -> Option<Place> {
    let line = line.trim().strip_prefix("at ")?;
    let place = match line.rfind(" (") {
        Some(at) => line[at + 2..].strip_suffix(')')?,
        None => line,
    };
    let (rest, last) = split_number(place)?;
    let (url, line, column) = match split_number(rest) {
        Some((url, line)) => (url, line, last),
        None => (rest, last, 0),
    };
    let is_script = !url.starts_with(OWN_PREFIX) && url.contains(':');
    is_script.then(|| Place {
        url: url.to_owned(),
        line,
        column,
    })
}

/// A text that ends in `:number`, taken apart.
fn split_number(text: &str) -> Option<(&str, u32)> {
    let (rest, number) = text.rsplit_once(':')?;
    Some((rest, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_frames_and_the_engine_s_are_passed_over() {
        let stack = "    at put (tealkeep:cache.js:3:4)\n    at native\n    at go (http://a.test:81/sw.js?v=1:12:7)\n    at http://a.test/b.js:1:1";
        let place = nearest(stack).expect("a place");
        assert_eq!(
            (place.url.as_str(), place.line, place.column),
            ("http://a.test:81/sw.js?v=1", 12, 7)
        );
        assert_eq!(nearest("    at x (tealkeep:core.js:1:1)"), None);
    }
}
