//! The binary `tealkeep`: parse, dispatch.

fn main() -> std::process::ExitCode {
    tealkeep::cli::main()
}
