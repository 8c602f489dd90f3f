//! `cargo xtask`: sets up what the project needs, runs and tests it here and in guests.
#![expect(
    clippy::print_stderr,
    reason = "xtask talks to the person who started it"
)]

mod bench;
mod btf;
mod child;
mod dist;
mod first_screen;
mod guest;
mod interrupt;
mod kernel;
mod picture;
mod places;
mod run;
mod setup;
mod test;
mod userland;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Sets up, builds, runs and tests memcg-trace, on this host and in guests.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Setup(setup::Arguments),
    Run(run::Arguments),
    Test(test::Arguments),
    Bench(bench::Arguments),
    Btf(btf::Arguments),
    Guest(guest::Arguments),
    Picture(picture::Arguments),
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<u8> {
    let verb = Arguments::parse().verb;
    interrupt::install()?;
    match verb {
        Verb::Setup(arguments) => setup::main(&arguments),
        Verb::Run(arguments) => run::main(&arguments),
        Verb::Test(arguments) => test::main(&arguments),
        Verb::Bench(arguments) => bench::main(&arguments),
        Verb::Btf(arguments) => btf::main(&arguments),
        Verb::Guest(arguments) => guest::main(&arguments),
        Verb::Picture(arguments) => picture::main(&arguments),
        Verb::Dist(arguments) => dist::main(&arguments),
    }
}
