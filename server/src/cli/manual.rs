//! `tealkeep manual`: the manual pages and shell completions, generated from the parser, so that they always match it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::outcome::Outcome;

#[derive(Debug, Args)]
pub struct ManualArgs {
    /// The folder to write to; created if it does not exist.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
}

/// `tealkeep manual`: writes `DIR/man/tealkeep*.1` and `DIR/completions/`.
pub fn run(args: &ManualArgs, command: clap::Command) -> Outcome {
    Ok(write(&args.into, command)?)
}

fn write(folder: &Path, command: clap::Command) -> anyhow::Result<()> {
    let man = folder.join("man");
    let completions = folder.join("completions");
    for folder in [&man, &completions] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    clap_mangen::generate_to(command.clone().disable_help_subcommand(true), &man)
        .with_context(|| format!("cannot write the manual pages to {}", man.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command.clone(), "tealkeep", &completions)
            .with_context(|| {
                format!(
                    "cannot write {shell}'s completions to {}",
                    completions.display()
                )
            })?;
    }
    Ok(())
}
