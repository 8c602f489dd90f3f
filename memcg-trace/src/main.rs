//! The binary: parses, calls, and maps the result to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    memcg_trace::cli::main()
}
