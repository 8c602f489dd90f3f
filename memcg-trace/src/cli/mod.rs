//! Verbs and flags: one file a verb.
//!
//! Every verb is `source -> model -> view`; verbs differ in the view and in when they stop.

mod allocator;
mod args;
mod black_box;
mod cache_contents;
mod callers;
mod capabilities;
mod compare;
mod completions;
mod config;
mod descriptors;
mod doctor;
mod exit_codes;
mod export;
mod export_whole;
mod fail_on;
mod feed;
mod feeding;
mod incidents;
mod kmsg;
mod known;
mod known_cgroup;
mod live;
mod lock_queries;
mod locks;
#[cfg(feature = "live")]
mod logs;
mod man;
mod messages;
mod oneshot;
mod open;
mod output_file;
mod past;
mod periodic;
mod pins;
mod post_mortem;
mod reclaim;
mod record;
mod record_file;
mod record_stream;
mod rotation;
mod run;
mod schema;
mod screen;
mod serve;
mod shrinkers;
mod signals;
mod slab;
mod span;
#[cfg(feature = "live")]
mod state_files;
mod sums;
mod until;
mod verb_flags;
mod why;
mod why_watch;
mod zombies;

pub use run::main;
