//! Demo workloads: services that hold and churn memory, zombies, reclaim, lock waits. Their load is
//! small, since they run under emulation. They run until they are killed.
//!
//! Each workload is a process of its own in a cgroup of its own, so that everything has a name on
//! the screen; the first process only starts them.

mod cgroup;
mod memory;
mod process;
mod waits;
mod zombies;

use std::env;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use memcg_trace_guest::SETTINGS;

/// A workload: its name, the cgroup it runs in, its `memory.high`.
struct Service {
    workload: &'static str,
    cgroup: &'static str,
    high: &'static str,
}

const SERVICES: &[Service] = &[
    Service {
        workload: "hold",
        cgroup: "system.slice/redis.service",
        high: "max",
    },
    Service {
        workload: "hold",
        cgroup: "system.slice/postgresql.service",
        high: "max",
    },
    Service {
        workload: "hold",
        cgroup: "user.slice/user-1000.slice/session-3.scope",
        high: "max",
    },
    Service {
        workload: "churn",
        cgroup: "system.slice/nginx.service",
        high: "max",
    },
    Service {
        workload: "scan",
        cgroup: "system.slice/backup.service",
        high: "3M",
    },
    Service {
        workload: "drop",
        cgroup: "system.slice/cron.service",
        high: "max",
    },
    Service {
        workload: "append",
        cgroup: "system.slice/rsyslog.service",
        high: "max",
    },
    Service {
        workload: "pipe",
        cgroup: "system.slice/sshd.service",
        high: "max",
    },
    Service {
        workload: "pods",
        cgroup: "system.slice/containerd.service",
        high: "max",
    },
    Service {
        workload: "pods",
        cgroup: "system.slice/kubelet.service",
        high: "max",
    },
    Service {
        workload: "jobs",
        cgroup: "system.slice/build-agent.service",
        high: "max",
    },
];

fn main() -> Result<()> {
    ensure!(
        Path::new(SETTINGS).exists(),
        "this is no guest: the demo makes cgroups and drops caches, which a host must not suffer"
    );
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => start_all(),
        [workload, cgroup] => {
            cgroup::join(cgroup)?;
            process::take_name_of(cgroup)?;
            work(workload, cgroup).with_context(|| format!("{workload} in {cgroup}"))
        }
        _ => bail!("usage: demo [WORKLOAD CGROUP]"),
    }
}

fn start_all() -> Result<()> {
    let mut children = Vec::new();
    for Service {
        workload,
        cgroup,
        high,
    } in SERVICES
    {
        cgroup::make(cgroup)?;
        cgroup::set(cgroup, "memory.high", high)?;
        children.push(process::start(workload, cgroup)?);
    }
    for mut child in children {
        let status = child.wait()?;
        ensure!(status.success(), "a workload ended: {status}");
    }
    Ok(())
}

fn work(workload: &str, cgroup: &str) -> Result<()> {
    match workload {
        "hold" => memory::hold(),
        "churn" => memory::churn(),
        "scan" => memory::scan(),
        "drop" => memory::drop_caches(),
        "append" => waits::append(),
        "pipe" => waits::pipe(),
        "pods" => waits::pods(),
        "jobs" => zombies::jobs(cgroup),
        "job" => zombies::job(cgroup),
        _ => bail!("there is no such workload"),
    }
}
