//! What a push does not send: by default secrets, and what the machine makes itself. rsync reports what its rules
//! excluded, so the printed list is what really happened.

/// Patterns (rsync(1), "FILTER RULES") of what stays on the laptop at any depth, unless the ignore file says
/// otherwise: secrets and the history.
const NEVER_SENT: [&str; 4] = [".git", ".env", ".env.local", ".env.*.local"];

/// Patterns of what a package manager made for this laptop. A release that is not prepared there needs it.
const MADE_BY_PREPARE: [&str; 2] = ["node_modules", ".venv"];

/// The patterns of what stays on the laptop unless the ignore file says otherwise; `prepares` says whether the other
/// machine prepares the release.
pub(super) fn by_default(prepares: bool) -> impl Iterator<Item = &'static str> {
    let made = MADE_BY_PREPARE.into_iter().filter(move |_| prepares);
    NEVER_SENT.into_iter().chain(made)
}

/// How many of the names are printed.
const MAX_SHOWN: usize = 8;

/// What one push left out, as far as rsync has reported.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Excluded by a rule, in the order of the transfer.
    by_rule: Vec<String>,
    /// Neither a file, a folder nor a link.
    special: Vec<String>,
}

impl LeftOut {
    /// Takes a line of rsync's output with `--debug=FILTER` and returns whether it was about an exclusion. `own` are patterns
    /// of files that need no mention.
    pub(super) fn take(&mut self, line: &str, own: &[String]) -> bool {
        if let Some(rest) = line.strip_prefix("skipping non-regular file \"") {
            self.special.push(rest.trim_end_matches('"').to_owned());
            return true;
        }
        let Some(rest) = line.strip_prefix("[sender] ") else {
            return false;
        };
        let Some(hidden) = rest.strip_prefix("hiding ") else {
            // What a rule of the ignore file sends.
            return rest.starts_with("showing ");
        };
        let name = hidden
            .strip_prefix("file ")
            .or_else(|| hidden.strip_prefix("directory "));
        if let Some((name, pattern)) =
            name.and_then(|name| name.rsplit_once(" because of pattern "))
            && !own.iter().any(|known| known == pattern)
        {
            self.by_rule.push(name.to_owned());
        }
        true
    }

    /// The report, line by line.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.by_rule.is_empty() {
            lines.push(format!(
                "Not sent: {}. A line `+ NAME` in .tealkeepignore sends one of them anyway.",
                listed(&self.by_rule)
            ));
        }
        if !self.special.is_empty() {
            lines.push(format!(
                "Not sent, because a release may contain only files, folders and links: {}.",
                listed(&self.special)
            ));
        }
        lines
    }
}

fn listed(names: &[String]) -> String {
    let shown = names[..names.len().min(MAX_SHOWN)].join(", ");
    match names.len().saturating_sub(MAX_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rsync_hides_is_named_and_nothing_else_is_taken() {
        let mut left = LeftOut::default();
        let own = ["/.tealkeepignore".to_owned()];
        for (line, is_taken) in [
            ("[sender] hiding file .env because of pattern .env", true),
            (
                "[sender] hiding directory web/node_modules because of pattern node_modules",
                true,
            ),
            (
                "[sender] hiding file a because of pattern b.txt because of pattern *.txt",
                true,
            ),
            (
                "[sender] hiding file .tealkeepignore because of pattern /.tealkeepignore",
                true,
            ),
            (
                "[sender] showing directory sub/.venv because of pattern <rule from a file read earlier>",
                true,
            ),
            ("skipping non-regular file \"run/app.sock\"", true),
            ("Number of files: 8 (reg: 2, dir: 4)", false),
            ("", false),
        ] {
            assert_eq!(left.take(line, &own), is_taken, "{line}");
        }
        assert_eq!(
            left.lines(),
            [
                "Not sent: .env, web/node_modules, a because of pattern b.txt. A line `+ NAME` in .tealkeepignore sends one of them anyway.",
                "Not sent, because a release may contain only files, folders and links: run/app.sock.",
            ]
        );
    }

    #[test]
    fn what_prepare_makes_is_left_out_only_where_there_is_one() {
        let has = |prepares, wanted: &str| by_default(prepares).any(|pattern| pattern == wanted);
        for made in MADE_BY_PREPARE {
            assert!(has(true, made) && !has(false, made), "{made}");
        }
        for kept in NEVER_SENT {
            assert!(has(true, kept) && has(false, kept), "{kept}");
        }
    }

    #[test]
    fn many_names_are_counted() {
        let mut left = LeftOut::default();
        assert_eq!(left.lines(), Vec::<String>::new());
        for number in 0..11 {
            let line = format!("[sender] hiding file {number}.log because of pattern *.log");
            left.take(&line, &[]);
        }
        assert!(left.lines()[0].contains("7.log and 3 more."), "{left:?}");
    }
}
