//! Containers in the path of a cgroup.

use super::unit::unescaped;
use crate::sample::Text;

/// Digits of an id of a container, and of the short form that its runtime shows.
const DIGITS: usize = 64;
const SHORT: usize = 12;

/// The software that made a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Runtime {
    Docker,
    Containerd,
    #[strum(serialize = "cri-o")]
    CriO,
    Podman,
    Lxc,
    /// systemd-nspawn, or another that registers machines with systemd.
    Machine,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id, or its name where the path has that.
    pub id: Text,
    /// The software that made it; `None` where the path does not say.
    pub runtime: Option<Runtime>,
    /// Its name, where a state file told it.
    pub name: Option<Text>,
}

impl Container {
    /// Returns the runtime, and the name or the id as the runtime shows it: `docker 4f0c7a2be91d`.
    #[must_use]
    pub fn label(&self) -> String {
        let kind = self.runtime.map_or("container", Into::into);
        let name = self.name.clone().unwrap_or_else(|| short(&self.id));
        format!("{kind} {}", name.display())
    }
}

/// Returns an id as its runtime shows it: twelve digits of a long one.
pub(super) fn short(id: &Text) -> Text {
    match is_id(id.as_bytes()) {
        true => Text::from(&id.as_bytes()[..SHORT]),
        false => id.clone(),
    }
}

/// Returns whether bytes are an id as runtimes make them.
pub(super) fn is_id(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes.len() == DIGITS && bytes.iter().all(is_digit)
}

/// Scopes of runtimes with the cgroup driver `systemd`, and folders of those with `cgroupfs`: the
/// beginning of a name before the id.
const BEGINNINGS: [(&[u8], Runtime); 7] = [
    (b"docker-", Runtime::Docker),
    (b"cri-containerd-", Runtime::Containerd),
    (b"containerd-", Runtime::Containerd),
    (b"nerdctl-", Runtime::Containerd),
    (b"crio-", Runtime::CriO),
    (b"libpod-", Runtime::Podman),
    // Below the unit of a container that systemd starts (podman-run(1): --cgroups=split).
    (b"libpod-payload-", Runtime::Podman),
];

/// The names of folders above containers whose name is the id alone.
const FOLDERS: [(&[u8], Runtime); 2] = [
    (b"docker", Runtime::Docker),
    (b"nerdctl", Runtime::Containerd),
];

/// The beginning of a machine that is no container: libvirt registers virtual machines so.
const VIRTUAL_MACHINE: &[u8] = b"qemu-";

/// Returns the container that a cgroup is of by its own name; `above` are the names above it, the
/// nearest first.
pub(super) fn container(name: &[u8], above: &[&[u8]]) -> Option<Container> {
    let found = |id: &[u8], runtime| {
        Some(Container {
            id: Text::from(id),
            runtime,
            name: None,
        })
    };
    let bare = name.strip_suffix(b".scope").unwrap_or(name);
    for (beginning, runtime) in BEGINNINGS {
        let id = bare.strip_prefix(beginning).filter(|id| is_id(id));
        if let Some(id) = id {
            return found(id, Some(runtime));
        }
    }
    let parent = above.first().copied().unwrap_or_default();
    if is_id(name) {
        let folder = FOLDERS.iter().find(|(folder, _)| *folder == parent);
        return found(name, folder.map(|(_, runtime)| *runtime));
    }
    if let Some((runtime, id)) = of_three_parts(name) {
        return found(id, runtime);
    }
    of_name(name, parent)
}

/// Returns the parts of `SLICE:RUNTIME:ID`: a runtime with the driver `cgroupfs` takes for a path
/// what one with `systemd` was given (runc: libcontainer/specconv/spec_linux.go).
fn of_three_parts(name: &[u8]) -> Option<(Option<Runtime>, &[u8])> {
    let mut parts = name.split(|byte| *byte == b':');
    let (_, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_id(id) {
        return None;
    }
    let of_kind = |beginning: &[u8]| beginning.strip_suffix(b"-") == Some(kind);
    let known = BEGINNINGS.iter().find(|(beginning, _)| of_kind(beginning));
    Some((known.map(|(_, runtime)| *runtime), id))
}

/// Returns a container whose cgroup has its name instead of an id.
fn of_name(name: &[u8], parent: &[u8]) -> Option<Container> {
    let (id, runtime) = match name.strip_prefix(b"lxc.payload.") {
        Some(id) => (id.to_vec(), Runtime::Lxc),
        None if matches!(parent, b"lxc" | b"lxc.payload") => (name.to_vec(), Runtime::Lxc),
        None if parent == b"machine.slice" => (machine(name)?, Runtime::Machine),
        None => return None,
    };
    (!id.is_empty()).then(|| Container {
        id: Text::from(id),
        runtime: Some(runtime),
        name: None,
    })
}

/// Returns the name of a container of the unit of a machine (systemd-nspawn(1),
/// systemd-machined.service(8)).
fn machine(name: &[u8]) -> Option<Vec<u8>> {
    let strip = |beginning: &[u8], end: &[u8]| {
        let name = name.strip_prefix(beginning)?.strip_suffix(end)?;
        Some(unescaped(name))
    };
    let machine = strip(b"systemd-nspawn@", b".service").or_else(|| strip(b"machine-", b".scope"));
    machine.filter(|name| !name.starts_with(VIRTUAL_MACHINE))
}
