//! The start of a report: what kernel it is of, and what is known of the host.

use super::page::Page;
use super::taint;
use crate::model::snapshot::Snapshot;
use crate::output::summary;
use crate::sample::host_facts::HostFacts;
use crate::sample::recording::Host;
use crate::sample::{Text, sanitized};
use crate::units;

const NOT_HERE: &str = "not in this recording";
const UNREADABLE: &str = "could not be read";

/// Starts a report about something.
pub(super) fn start(subject: &str, snapshot: &Snapshot, host: &Host) -> Page {
    let mut page = Page::default();
    page.line(&format!("Subject: {subject}"), 2);
    page.empty();
    for (name, value) in facts(snapshot, host) {
        page.fact(name, &value);
    }
    page
}

/// Facts of the host and of the program, each under a name.
pub(in crate::output) fn facts(snapshot: &Snapshot, host: &Host) -> [(&'static str, String); 7] {
    let facts = snapshot.host_facts.as_deref();
    let known = |of: fn(&HostFacts) -> String| facts.map_or_else(|| NOT_HERE.to_owned(), of);
    let version = env!("CARGO_PKG_VERSION");
    let lost = summary::lost(snapshot);
    [
        ("Kernel", kernel(host, facts)),
        ("Command line", known(cmdline)),
        ("Tainted", known(tainted)),
        ("Configuration", known(configuration)),
        ("Host", shown(&host.host)),
        ("Time", units::time(snapshot.unix_ns)),
        ("Found by", format!("memcg-trace {version}; {lost}")),
    ]
}

fn kernel(host: &Host, facts: Option<&HostFacts>) -> String {
    let release = shown(&host.kernel);
    match facts {
        Some(facts) => {
            let (version, machine) = (facts.version.display(), facts.machine.display());
            format!("{release} {version} {machine}")
        }
        None => format!("{release} (its build: {NOT_HERE})"),
    }
}

fn cmdline(facts: &HostFacts) -> String {
    facts
        .cmdline
        .as_ref()
        .map_or_else(|| UNREADABLE.to_owned(), |line| line.display().into_owned())
}

fn tainted(facts: &HostFacts) -> String {
    facts
        .taint
        .map_or_else(|| UNREADABLE.to_owned(), taint::meaning)
}

/// Settings that decide which bugs the host can have.
fn configuration(facts: &HostFacts) -> String {
    let cgroup = match facts.is_cgroup_v1 {
        Some(true) => "memory in cgroup v1",
        Some(false) => "cgroup v2",
        None => "version of cgroups not known",
    };
    let cpus = facts.cpus.map(|cpus| units::things(cpus.into(), "CPU"));
    let settings = facts.settings.iter().map(|setting| {
        let (name, value) = (sanitized(&setting.name), setting.value.display());
        format!("{name} = {value}")
    });
    let all = [cgroup.to_owned()].into_iter().chain(cpus).chain(settings);
    all.collect::<Vec<_>>().join("; ")
}

fn shown(text: &Text) -> String {
    match text.is_empty() {
        true => units::UNKNOWN.to_owned(),
        false => text.display().into_owned(),
    }
}
