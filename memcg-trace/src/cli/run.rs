//! The program: parses the command line, runs its verb, and reports an error.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use super::args::{self, Args, Verb};
use super::exit_codes::{CANNOT_TRACE, ERROR};
use super::messages::Messages;
use super::{
    cache_contents, callers, compare, completions, descriptors, doctor, export, incidents, known,
    live, locks, man, oneshot, pins, post_mortem, reclaim, record, schema, serve, shrinkers, slab,
    why, why_watch, zombies,
};
#[cfg(feature = "live")]
use super::{logs, state_files};
use crate::source::CannotTrace;
use crate::timings;

/// Parses and executes the command line. Returns the exit code of the program.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse_or_exit();
    descriptors::make_room();
    let messages = Messages::new(args.common.quiet, args.common.verbose);
    if args.common.timings {
        timings::begin();
    }
    let result = run(&args, &messages);
    messages.timings();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            messages.error(&error);
            let cannot_trace = error.chain().any(|cause| cause.is::<CannotTrace>());
            ExitCode::from(if cannot_trace { CANNOT_TRACE } else { ERROR })
        }
    }
}

fn run(args: &Args, messages: &Messages) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let common = &args.common;
        let is_terminal = io::stdout().is_terminal() && common.output.is_none();
        let dashboard = is_terminal && !common.json;
        #[cfg(feature = "live")]
        if !dashboard {
            logs::listen(common.verbose);
        }
        match &args.verb {
            Some(Verb::Doctor(files)) => doctor::run(common, files),
            Some(Verb::Known(args)) => known::run(common, args),
            Some(Verb::Incidents(args)) => incidents::run(common, args),
            Some(Verb::Schema(schema)) => schema::run(common, schema),
            Some(Verb::Man(args)) => man::run(common, args),
            Some(Verb::Completions(args)) => completions::run(common, args),
            #[cfg(feature = "live")]
            Some(Verb::StateFiles(args)) => Ok(state_files::run(args)),
            Some(Verb::Zombies(zombies)) => zombies::run(common, zombies, messages).await,
            Some(Verb::Slab(slab)) => match (&slab.inside, &slab.callers) {
                (Some(cache), _) => cache_contents::run(common, cache, messages).await,
                (None, Some(cache)) => callers::run(common, slab, cache, messages).await,
                (None, None) => slab::run(common, slab, messages).await,
            },
            Some(Verb::Shrinkers(sums)) => shrinkers::run(common, sums, messages).await,
            Some(Verb::Reclaim(sums)) => reclaim::run(common, sums, messages).await,
            Some(Verb::Pins(pins)) => pins::run(common, pins, messages).await,
            Some(Verb::Why(args)) if args.watch => why_watch::run(common, args, messages).await,
            Some(Verb::Why(args)) => why::run(common, args, messages).await,
            Some(Verb::Locks(locks)) => locks::run(common, locks, messages).await,
            Some(Verb::Compare(compare)) => compare::run(common, compare, messages).await,
            Some(Verb::Export(args)) => export::run(common, args, messages).await,
            Some(Verb::Report(args)) => post_mortem::run(common, args, messages).await,
            Some(Verb::Serve(args)) => serve::run(common, args, messages).await,
            Some(Verb::Record(record)) => record::run(common, record, messages).await,
            Some(Verb::Live(args)) if dashboard => live::run(common, args, None, messages).await,
            Some(Verb::Replay(replay)) if dashboard => {
                live::run(common, &replay.dashboard, Some(&replay.file), messages).await
            }
            None if dashboard => {
                live::run(common, &args::Dashboard::default(), None, messages).await
            }
            Some(Verb::Replay(replay)) => oneshot::run(common, Some(&replay.file), messages).await,
            Some(Verb::Live(_)) | None => oneshot::run(common, None, messages).await,
        }
    })
}

/// Returns whether the reader of the output has closed it.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
