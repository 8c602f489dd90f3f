//! Programs of the object: loading them, and what the kernel says if it refuses.

use std::borrow::Cow;
use std::io;

use anyhow::{Context as _, anyhow};
use aya::Ebpf;
use aya::programs::{KProbe, Program, ProgramFd, RawTracePoint};

use crate::timings;

/// Loads a program that is run on demand and never attached.
///
/// # Errors
/// If the object has no such program, or the kernel refuses it.
pub fn load_walk<'a>(ebpf: &'a mut Ebpf, program: &str) -> anyhow::Result<&'a mut RawTracePoint> {
    let found: &mut RawTracePoint = find(ebpf, program)?
        .try_into()
        .with_context(|| format!("program {program} is no raw tracepoint"))?;
    if found.fd().is_err() {
        timings::program(program, || found.load())
            .map_err(|error| explain(format!("load the walk {program}"), error))?;
    }
    Ok(found)
}

/// Loads a kprobe program ahead of its hook, for a map of programs.
///
/// # Errors
/// If the object has no such program, or the kernel refuses it.
pub(super) fn load_kprobe(ebpf: &mut Ebpf, program: &str) -> anyhow::Result<ProgramFd> {
    let found: &mut KProbe = find(ebpf, program)?
        .try_into()
        .with_context(|| format!("program {program} is no kprobe"))?;
    if found.fd().is_err() {
        timings::program(program, || found.load())
            .map_err(|error| explain(format!("load {program}"), error))?;
    }
    Ok(found.fd()?.try_clone()?)
}

/// Unloads a program, which detaches it from everywhere.
pub(super) fn unload(ebpf: &mut Ebpf, name: &str) {
    let result = match ebpf.program_mut(name) {
        Some(Program::RawTracePoint(program)) => program.unload(),
        Some(Program::KProbe(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        _ => Ok(()),
    };
    if let Err(error) = result {
        log::debug!("unload {name}: {error}");
    }
}

pub(super) fn find<'a>(ebpf: &'a mut Ebpf, program: &str) -> anyhow::Result<&'a mut Program> {
    ebpf.program_mut(program)
        .ok_or_else(|| anyhow!("no program {program} in the eBPF object: built from other sources"))
}

/// An error of aya with all its causes in one line; the verifier's log is shown with `-v` only.
pub(super) fn explain(what: String, error: aya::programs::ProgramError) -> anyhow::Error {
    if let aya::programs::ProgramError::LoadError {
        io_error,
        verifier_log,
    } = &error
    {
        log::info!("{what}: the verifier says:\n{verifier_log}");
        let log = verifier_log.to_string();
        let last: Cow<'_, str> = match log.lines().rev().find(|line| is_reason(line)) {
            Some(line) => format!(": {line}").into(),
            None => "".into(),
        };
        return anyhow!("{what}: {io_error}{last} (-v shows all that the verifier says)");
    }
    anyhow::Error::new(error).context(what)
}

/// Whether an error means that this user lacks the permission.
pub(super) fn is_refused(error: &aya::programs::ProgramError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}

/// Whether a line of the verifier's log is about the program, and not about the verifier's own work
/// (kernel/bpf/verifier.c: print_verification_stats()).
fn is_reason(line: &str) -> bool {
    const STATISTICS: [&str; 4] = [
        "processed",
        "insns processed",
        "stack depth",
        "verification time",
    ];
    !line.trim().is_empty() && !STATISTICS.iter().any(|word| line.starts_with(word))
}
