//! Memory cgroups: the walk and its events, and figures of zombies.

mod dead_css;
pub(crate) mod dying;
pub(crate) mod uses;
mod walk;
pub(crate) mod zombie_cost;
pub(crate) mod zombie_figures;

pub(crate) use dead_css::DeadCss;
pub(crate) use walk::Memcgs;
