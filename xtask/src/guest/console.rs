//! Faults that the kernel reports on its console.

/// A fault that ends the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// QEMU's TCG lost a race with the kernel's patching of its own code: not a bug in the tested
    /// code.
    Emulator(String),
    /// The kernel panicked.
    Panic(String),
}

/// The fault in a console's log. An oops is a fault: guests are booted with `oops=panic`.
pub fn fault(log: &str) -> Option<Fault> {
    let line_with = |words: &[&str]| {
        let line = log
            .lines()
            .find(|line| words.iter().any(|word| line.contains(word)))?;
        Some(line.trim().to_owned())
    };
    // "Oops: int3: 0000 [#1]" on newer kernels, "int3: 0000 [#1]" on older ones.
    line_with(&["int3: 0000 [#"])
        .map(Fault::Emulator)
        .or_else(|| line_with(&["Kernel panic - not syncing"]).map(Fault::Panic))
        .or_else(|| line_with(&["Oops: ", "Oops [#", "general protection fault"]).map(Fault::Panic))
}

/// The line of a log that explains why the kernel does not respond.
pub fn stall(log: &str) -> Option<&str> {
    const SIGNS: &[&str] = &[
        "soft lockup",
        "hard LOCKUP",
        "blocked for more than",
        "detected stall",
    ];
    log.lines()
        .rev()
        .find(|line| SIGNS.iter().any(|sign| line.contains(sign)))
        .map(str::trim)
}

/// The last lines of a log, for people.
pub fn tail(log: &str, lines: usize) -> String {
    let all: Vec<_> = log.lines().collect();
    let skipped = all.len().saturating_sub(lines);
    all.iter()
        .skip(skipped)
        .map(|line| format!("    {}\n", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults() {
        let panic = "[    3.1] Kernel panic - not syncing: sysrq triggered crash\r\n";
        assert_eq!(
            fault(panic),
            Some(Fault::Panic(
                "[    3.1] Kernel panic - not syncing: sysrq triggered crash".into()
            ))
        );
        // An int3 oops ends in a panic, too; the first cause counts.
        for cause in ["Oops: int3: 0000 [#1] SMP", "int3: 0000 [#1] SMP PTI"] {
            let log = format!("[    3.0] {cause}\n{panic}");
            assert!(matches!(fault(&log), Some(Fault::Emulator(_))), "{log}");
        }
        let oops = "[    3.0] BUG: unable to handle page fault\n[    3.0] Oops: 0002 [#1] SMP\n";
        assert!(matches!(fault(oops), Some(Fault::Panic(line)) if line.contains("0002")));
        assert_eq!(fault("[    0.5] Run /init as init process\n"), None);
        assert_eq!(fault(""), None);
    }

    #[test]
    fn stalls() {
        let log = "x\n[  30.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\ny\n";
        assert!(stall(log).is_some_and(|line| line.contains("CPU#0")));
        assert_eq!(stall("[    0.5] Run /init as init process\n"), None);
    }

    #[test]
    fn the_tail_is_the_end() {
        assert_eq!(tail("a\nb\r\nc\n", 2), "    b\n    c\n");
        assert_eq!(tail("", 2), "");
    }
}
