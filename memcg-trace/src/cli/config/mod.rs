//! The configuration file: values of flags, by their names.
//!
//! It has no list of its own: which keys there are, and which values, is what the command line
//! takes. Its values become the defaults of the flags, so that the command line and the environment
//! win.

mod check;
mod file;
mod keys;
mod refuse;
mod settings;

pub(super) use refuse::refuse;
pub(super) use settings::Settings;
