//! Pins of dead cgroups whose memory cgroup is gone: references to the cgroup itself
//! (`cgroup.self`), which belongs to no memory cgroup.

mod bpf;
mod controllers;
mod huge_pages;
mod scan;

pub(super) use scan::scan;
