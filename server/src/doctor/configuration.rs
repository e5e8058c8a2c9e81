//! Whether the configuration can be read and is valid.

use std::io::{Error, ErrorKind};
use std::path::Path;

use super::advice::Machine;
use super::findings::{Check, Finding, Findings};
use crate::config::Config;
use crate::units::quote::shell;

/// The package's example configuration.
const EXAMPLE: &str = "/usr/share/doc/tealkeep/tealkeep.example.toml";
/// The text of the configuration, or why it could not be read.
pub struct Source<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Its content.
    pub text: &'a std::io::Result<String>,
}

/// The findings about the configuration, and the configuration if it can be read.
#[must_use]
pub fn look(source: &Source<'_>) -> (Vec<Finding>, Option<Config>) {
    let machine = Machine::of_path(source.path);
    let mut findings = Findings::new(machine, None);
    let quoted = shell(&source.path.to_string_lossy());
    let text = match source.text {
        Ok(text) => text,
        Err(error) => {
            unreadable(&mut findings, source.path, &quoted, error);
            return (findings.all, None);
        }
    };
    let config = match Config::parse(text, false) {
        Ok(config) => {
            let path = source.path.display();
            findings.ok(Check::Configuration, format!("{path} is valid"));
            Some(config)
        }
        Err(problems) => {
            for problem in problems {
                let mend = machine.edit(&quoted, problem.line);
                findings.fail(Check::Configuration, problem.to_string(), mend);
            }
            None
        }
    };
    (findings.all, config)
}

fn unreadable(findings: &mut Findings, path: &Path, quoted: &str, error: &Error) {
    let shown = path.display();
    let cannot_read = format!("cannot read {shown}: {error}");
    let (text, mend) = match error.kind() {
        ErrorKind::PermissionDenied => (
            format!("this user cannot read {shown}"),
            "sudo tealkeep doctor".to_owned(),
        ),
        // Only where nothing is there can nothing be overwritten.
        ErrorKind::NotFound => (
            cannot_read,
            match Path::new(EXAMPLE).exists() {
                true => format!("install -m 0640 -g tealkeep {EXAMPLE} {quoted} && nano {quoted}"),
                false => format!(
                    "copy tealkeep.example.toml from Tealkeep's sources to {quoted} and adapt it"
                ),
            },
        ),
        _ => (
            cannot_read,
            format!("file {quoted}; ls -l {quoted}    # it must be a text file in UTF-8"),
        ),
    };
    findings.fail(Check::Configuration, text, mend);
}
