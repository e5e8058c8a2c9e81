//! The key of a preparation: two with the same key have the same result, as far as the configuration names what it depends on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::Order;
use super::record::VERSION;

/// SHA-256 in hexadecimal over the command, the inputs' paths and bytes, the versions' commands and outputs, the record's version
/// and the machine's architecture; each field is preceded by its length.
pub(super) fn compute(order: &Order, directory: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(&VERSION.to_le_bytes());
    field(std::env::consts::ARCH.as_bytes());
    field(&(order.command.len() as u64).to_le_bytes());
    for word in &order.command {
        field(word.as_bytes());
    }
    field(&(order.inputs.len() as u64).to_le_bytes());
    for input in &order.inputs {
        let path = directory.join(input);
        let bytes = fs::read(&path).with_context(|| {
            format!(
                "the release has no readable {0}, on which its preparation depends; \
                 add it to the release, or remove it from `prepare_inputs`",
                input.display()
            )
        })?;
        field(input.as_os_str().as_encoded_bytes());
        field(&bytes);
    }
    for version in &order.versions {
        field(version.as_bytes());
        field(&output_of(version, directory)?);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn output_of(version: &str, directory: &Path) -> anyhow::Result<Vec<u8>> {
    let words = shell_words::split(version)
        .with_context(|| format!("`{version}` is not a command line"))?;
    let (program, arguments) = words
        .split_first()
        .with_context(|| format!("`{version}` names no program"))?;
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .with_context(|| {
            format!("cannot run `{version}`; is {program} installed, and in the PATH?")
        })?;
    if !output.status.success() {
        bail!(
            "`{version}` ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}
