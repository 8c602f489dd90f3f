//! What is read of all tasks once, when the first wait needs it.

use super::family::Family;
use super::pipes::Pipes;
use super::view::View;
use super::workers::Workers;
use crate::kernel::debugger::memory::Unreadable;

/// Lists that several waits need.
pub(super) struct ReadOnce<'a> {
    view: &'a View<'a>,
    pipes: Option<Pipes>,
    family: Option<Family>,
    workers: Option<Workers>,
}

impl<'a> ReadOnce<'a> {
    pub(super) fn new(view: &'a View<'a>) -> Self {
        Self {
            view,
            pipes: None,
            family: None,
            workers: None,
        }
    }

    pub(super) fn pipes(&mut self) -> Result<&Pipes, Unreadable> {
        let view = self.view;
        get(&mut self.pipes, || Pipes::read(view))
    }

    pub(super) fn family(&mut self) -> Result<&Family, Unreadable> {
        let view = self.view;
        get(&mut self.family, || Family::read(view.reader, view.threads))
    }

    pub(super) fn workers(&mut self) -> Result<&Workers, Unreadable> {
        let view = self.view;
        get(&mut self.workers, || Workers::read(view))
    }
}

fn get<T>(
    known: &mut Option<T>,
    read: impl FnOnce() -> Result<T, Unreadable>,
) -> Result<&T, Unreadable> {
    match known {
        Some(known) => Ok(known),
        None => Ok(known.insert(read()?)),
    }
}
