//! presscheck: a merge gate for image models.

use std::process::ExitCode;

fn main() -> ExitCode {
    presscheck::cli::main()
}
