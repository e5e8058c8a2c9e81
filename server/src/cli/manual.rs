//! `tealkeep manual`: the manual pages and shell completions, generated from the parser, so that they always match it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::Outcome;

#[derive(Debug, Args)]
pub struct ManualArgs {
    /// The folder to write to; created if it does not exist.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

/// `tealkeep manual`: `DIR/man/tealkeep*.1` and `DIR/completions/`.
pub async fn run(args: &ManualArgs, _json: bool) -> Outcome {
    Ok(write(&args.into)?)
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let man = folder.join("man");
    let completions = folder.join("completions");
    for folder in [&man, &completions] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    clap_mangen::generate_to(super::command().disable_help_subcommand(true), &man)
        .with_context(|| format!("cannot write the manual pages to {}", man.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut super::command(), "tealkeep", &completions)
            .with_context(|| {
                format!(
                    "cannot write {shell}'s completions to {}",
                    completions.display()
                )
            })?;
    }
    Ok(())
}
