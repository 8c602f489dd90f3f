//! Facts about a host: gathered once, before anything is decided, by reading files only.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::kernel::Subject;
use crate::kernel::hooks;
use crate::kernel::hooks::refusals::Refusals;
use crate::kernel::host::btf::{Btf, BtfError};
use crate::kernel::host::privilege::{Capability, Privilege};
use crate::kernel::host::settings;
use crate::kernel::host::symbols::{Symbol, Symbols};
use crate::kernel::layout::{self, Resolved};
use crate::timings;

/// Facts about a host.
#[derive(Debug)]
pub struct Facts {
    /// Whether the facts are from files of a kernel. Facts that only a running kernel has are then
    /// unknown, and decisions assume the best.
    pub is_of_files: bool,
    /// `uname -r`.
    pub kernel: String,
    /// The layout of this kernel; `None` without BTF.
    pub resolved: Option<Resolved>,
    /// The reason why there is no BTF.
    pub btf_error: Option<String>,
    /// Addresses of the wanted symbols.
    pub symbols: Arc<Symbols>,
    /// The reason why kallsyms cannot be read.
    pub symbols_error: Option<String>,
    /// Permissions of this process.
    pub privilege: Privilege,
    /// The refusals of a trial; `None` without a trial.
    pub refusals: Option<Refusals>,
    /// The mode in `/sys/kernel/security/lockdown`: `none`, `integrity`, `confidentiality`.
    pub lockdown: Option<String>,
    /// Whether the memory controller is in a hierarchy of its own: cgroup version 1.
    pub memory_is_v1: Option<bool>,
    /// Whether the kernel has kprobes for perf.
    pub kprobes: bool,
    /// Functions of a stack that the kernel keeps at most (`kernel.perf_event_max_stack`).
    pub stack_functions: Option<u32>,
    /// The wanted functions that ftrace can reach; `None` if the list cannot be read, or was not
    /// needed.
    pub traceable: Option<HashSet<String>>,
    /// The wanted tracepoints that BTF has.
    pub tracepoints: HashSet<&'static str>,
    /// The wanted functions whose prototype BTF has.
    pub prototypes: HashSet<&'static str>,
}

/// Facts that are gathered only if they will be needed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// Functions that ftrace can reach: a long list that only matters to trampolines.
    pub trampolines: bool,
    /// Names of addresses, such as those of stacks.
    pub address_names: bool,
}

impl Facts {
    /// Gathers the facts of this host.
    #[must_use]
    pub fn gather(needs: Needs) -> Self {
        let wanted = wanted_symbols();
        let btf = Btf::of_running_kernel();
        timings::step("types indexed (BTF)");
        let symbols = Symbols::of_running_kernel(&wanted, btf.as_ref().ok(), needs.address_names);
        let (mut symbols, symbols_error) = match symbols {
            Ok(symbols) => (symbols, None),
            Err(error) => (
                Symbols::default(),
                Some(format!("read /proc/kallsyms: {error}")),
            ),
        };
        timings::step("symbols found");
        let privilege = Privilege::here();
        if symbols_error.is_none() && !symbols.visible {
            symbols.hidden_by = Some(privilege.hides_addresses());
        }
        let mut facts = Self {
            is_of_files: false,
            kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            resolved: None,
            btf_error: None,
            symbols: Arc::new(symbols),
            symbols_error,
            privilege,
            refusals: None,
            lockdown: settings::lockdown(),
            memory_is_v1: settings::memory_is_v1(),
            kprobes: fs::exists("/sys/bus/event_source/devices/kprobe/type").unwrap_or(false),
            stack_functions: settings::stack_functions(),
            traceable: if needs.trampolines {
                settings::traceable(&wanted)
            } else {
                None
            },
            tracepoints: HashSet::new(),
            prototypes: HashSet::new(),
        };
        timings::step("settings read");
        match btf {
            Ok(btf) => facts.learn_from(&btf),
            Err(BtfError::Io(path, error)) if error.kind() == ErrorKind::NotFound => {
                facts.btf_error = Some(format!("{path} does not exist"));
            }
            Err(error) => facts.btf_error = Some(error.to_string()),
        }
        timings::step("layout resolved");
        facts
    }

    /// Gathers facts of a kernel from its BTF and, if given, its symbols: its `/proc/kallsyms` or
    /// `System.map`.
    ///
    /// # Errors
    /// If a file cannot be read, or has another format.
    pub fn of_files(btf: &Path, symbols: Option<&Path>) -> anyhow::Result<Self> {
        let described =
            Btf::from_file(btf).with_context(|| format!("read BTF of {}", btf.display()))?;
        let read = |path: &Path| {
            let read = File::open(path);
            let read =
                read.and_then(|file| Symbols::parse(BufReader::new(file), &wanted_symbols()));
            let read = read.with_context(|| format!("read symbols of {}", path.display()))?;
            anyhow::ensure!(read.lines > 0, "no symbols are in {}", path.display());
            Ok(read)
        };
        let mut facts = Self {
            is_of_files: true,
            kernel: String::new(),
            resolved: None,
            btf_error: None,
            symbols: Arc::new(symbols.map(read).transpose()?.unwrap_or_default()),
            symbols_error: symbols.is_none().then(|| "not given".to_owned()),
            privilege: Privilege::of_all(),
            refusals: None,
            lockdown: None,
            memory_is_v1: None,
            kprobes: true,
            stack_functions: None,
            traceable: None,
            tracepoints: HashSet::new(),
            prototypes: HashSet::new(),
        };
        facts.learn_from(&described);
        Ok(facts)
    }

    fn learn_from(&mut self, btf: &Btf) {
        self.tracepoints = hooks::tracepoints()
            .filter(|name| btf.tracepoint(name).is_some())
            .collect();
        self.prototypes = hooks::functions()
            .filter(|name| btf.function(name).is_some())
            .collect();
        self.resolved = Some(layout::resolve(
            btf,
            self.has_symbols().then_some(&self.symbols),
        ));
    }

    /// Whether there are symbols: for a kernel's files they may not have been given.
    #[must_use]
    pub fn has_symbols(&self) -> bool {
        !self.is_of_files || self.symbols_error.is_none()
    }

    /// Whether the kernel has a tracepoint.
    #[must_use]
    pub fn has_tracepoint(&self, name: &str) -> bool {
        self.tracepoints.contains(name)
    }

    /// The reason why no kprobe can be put on a function, as far as facts tell without trying.
    /// Functions that ftrace leaves out, or that the compiler renamed, can be probed all the same.
    #[must_use]
    pub fn kprobe_obstacle(&self, name: &str) -> Option<String> {
        if !self.kprobes {
            return Some("this kernel has no kprobes".to_owned());
        }
        if let Some(why) = self
            .refusals
            .as_ref()
            .and_then(|refusals| refusals.kprobe.as_ref())
        {
            return Some(why.clone());
        }
        if !self.has_symbols() {
            let is_described = self.prototypes.contains(name);
            return (!is_described)
                .then(|| format!("no function {name} in BTF, and no symbols were given"));
        }
        // Without kallsyms only a trial tells.
        (self.symbols_error.is_none() && self.symbols.function(name).is_none())
            .then(|| format!("no function {name} in this kernel"))
    }

    /// The reason why no trampoline can be put on a function.
    #[must_use]
    pub fn trampoline_obstacle(&self, name: &str) -> Option<String> {
        if !self.prototypes.contains(name) {
            return Some(format!("{name} is not in this kernel's BTF"));
        }
        self.traceable
            .as_ref()
            .is_some_and(|list| !list.contains(name))
            .then(|| format!("{name} is not in available_filter_functions"))
    }

    /// The reason why nothing can be traced at all; `None` if it can be tried.
    #[must_use]
    pub fn unable(&self) -> Option<String> {
        if let Some(mode) = self.lockdown.as_deref()
            && mode == "confidentiality"
        {
            return Some(
                "the kernel is locked down (confidentiality), so it refuses tracing programs"
                    .to_owned(),
            );
        }
        if !self.kprobes {
            return Some("the kernel has no kprobes (CONFIG_KPROBE_EVENTS)".to_owned());
        }
        if let Some(error) = &self.btf_error {
            return Some(format!(
                "the kernel does not describe its types (BTF): {error}"
            ));
        }
        if self.stack_functions == Some(0) {
            return Some(
                "the kernel keeps no stacks (kernel.perf_event_max_stack is 0)".to_owned(),
            );
        }
        for (capability, name) in [
            (Capability::Bpf, "CAP_BPF"),
            (Capability::Perfmon, "CAP_PERFMON"),
        ] {
            if !self.privilege.can(capability) {
                return Some(format!("no privilege to trace: {name} is missing"));
            }
        }
        self.refusals.as_ref()?.programs.clone()
    }

    /// The reason why a subject cannot be observed; `None` if it can be tried.
    #[must_use]
    pub fn obstacle_for(&self, subject: Subject) -> Option<String> {
        match &self.resolved {
            Some(resolved) => resolved.missing_for(subject).map(str::to_owned),
            None => Some("not known without BTF".to_owned()),
        }
    }
}

/// Names of the symbols that are looked up.
#[must_use]
pub fn wanted_symbols() -> HashSet<&'static str> {
    hooks::functions().chain(Symbol::all_names()).collect()
}
