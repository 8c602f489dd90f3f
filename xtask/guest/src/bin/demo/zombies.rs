//! Cgroups that are removed while something still holds their memory.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{cgroup, memory, process};

const EVERY: Duration = Duration::from_secs(5);
const LIFE: Duration = Duration::from_secs(60);

/// Starts a job now and then; each leaves a zombie for a minute.
pub fn jobs(cgroup: &str) -> Result<()> {
    let (parent, _) = cgroup
        .rsplit_once('/')
        .context("a cgroup without a parent")?;
    let mut running = std::collections::VecDeque::new();
    for number in 1_u64.. {
        let job = format!("{parent}/job-{number}.service");
        cgroup::make_leaf(&job)?;
        running.push_back(process::start("job", &job)?);
        thread::sleep(EVERY);
        // By then the oldest job has ended, or is about to end.
        if running.len() > usize::try_from(LIFE.as_secs() / EVERY.as_secs())?
            && let Some(mut oldest) = running.pop_front()
        {
            oldest.wait()?;
        }
    }
    Ok(())
}

/// Runs in a cgroup, leaves, and removes it. A file that it wrote there and a socket that it opened
/// there outlive the cgroup: on older kernels the file's pages pin it, on newer ones the socket
/// does.
pub fn job(cgroup: &str) -> Result<()> {
    let folder = memory::folder()?;
    let file = format!("{folder}/result");
    fs::write(&file, vec![1; 256 << 10]).with_context(|| format!("write {file}"))?;
    let socket = TcpListener::bind(("127.0.0.1", 0)).context("open a socket")?;
    let (parent, _) = cgroup
        .rsplit_once('/')
        .context("a cgroup without a parent")?;
    cgroup::join(&format!("{parent}/build-agent.service"))?;
    cgroup::remove(cgroup)?;
    thread::sleep(LIFE);
    drop(socket);
    fs::remove_dir_all(&folder).with_context(|| format!("remove {folder}"))
}
