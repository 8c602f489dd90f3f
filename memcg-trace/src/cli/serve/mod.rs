//! `serve`: metrics and the newest snapshot over HTTP, and metrics in a file.
//!
//! The main thread samples and publishes; a thread of its own answers requests, and another one
//! writes the file. So neither a client nor a disk can keep the main thread from sampling.

mod answers;
mod connections;
mod listener;
mod notify;
mod own;
mod published;
mod run;
mod textfile;

pub(super) use run::run;
