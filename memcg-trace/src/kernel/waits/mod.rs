//! Waits of all tasks, found after the fact: nothing was traced, so everything is read from the
//! tasks themselves.
//!
//! A sleeper leaves a record on its own stack, by which it is found and woken; the lock that it
//! waits for names its owner; a pipe is open in a task's file table; and the function that a task
//! sleeps in tells the rest (see `table`). No lock is taken meanwhile: a task that ran while it was
//! read is left out, and callers compare two looks.

mod assembly;
mod classify;
mod controllers;
mod descriptors;
mod disk_queues;
mod dumps;
mod ends_on;
mod events;
mod family;
mod finding;
mod grace;
mod kernfs;
mod locks;
mod members;
mod offline;
mod owner;
mod pages;
mod percpu_rwsems;
mod pipes;
mod processes;
mod queued;
mod read_once;
mod records;
mod removals;
mod running;
mod scan;
mod servers;
mod srcu;
mod stacks;
mod table;
mod threads;
mod traced;
mod view;
mod work;
mod workers;

pub(super) use events::Events;
pub(super) use removals::Css;
pub(super) use scan::{About, scan};
pub(super) use stacks::{Stacks, Unwound, load as load_stacks, read as read_stacks};
