//! Advice for systems where packages cannot be fetched: no apt, or an apt whose sources are not
//! Debian's.

use std::fs;

use super::compiler::LLVM;
use super::linker;

/// A system, by the `ID` or `ID_LIKE` of its `/etc/os-release`, and the command that installs the
/// needs of guests and test modules. The authors have tried none of the commands.
const SYSTEMS: &[(&str, &str)] = &[
    (
        "ubuntu",
        "sudo apt-get install qemu-system-x86 busybox-static xz-utils gcc make",
    ),
    (
        "fedora",
        "sudo dnf install qemu-system-x86-core busybox xz gcc make",
    ),
    ("arch", "sudo pacman -S qemu-system-x86 busybox xz gcc make"),
    (
        "nixos",
        "nix-shell -p qemu pkgsStatic.busybox xz gcc gnumake",
    ),
    (
        "opensuse",
        "sudo zypper install qemu-x86 busybox-static xz gcc make",
    ),
];

/// One screen of text: the missing things, the reason why they are not fetched, and the command to
/// type. `unfit` has the reasons why the installed compilers and linkers do not fit.
pub fn advice(missing: &[String], why: &str, unfit: &[Option<&str>]) -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let mut text = format!(
        "setup: packages cannot be fetched here: {why}\nsetup: missing: {}\n",
        missing.join(", ")
    );
    for why in unfit.iter().flatten() {
        text += &format!("  {}\n", why.replace("; ", "\n  "));
    }
    text += "What xtask fetches by itself on Debian 12 and newer has to come from this system:\n";
    text += &match system(&release) {
        Some((name, install)) => format!("  programs ({name}, untried):\n    {install}\n"),
        None => "  programs, by its package manager: qemu-system-x86_64, a static busybox, xz; \
                 gcc and make for tests\n"
            .into(),
    };
    text += &format!(
        "  a compiler of Rust whose LLVM is {LLVM}:\n    \
           rustup toolchain install nightly-2026-05-20 --component rust-src\n  \
         the linker, with libLLVM.so of LLVM {LLVM} in PREFIX/lib:\n    \
           LLVM_PREFIX=PREFIX cargo install bpf-linker --version {} --locked \
           --no-default-features --features llvm-{LLVM}\n  \
         a kernel for guests, of those that this system has:\n    \
           cargo xtask run --guest /boot/vmlinuz-VERSION\n\
         Then run this again: it looks for each of them and says what does not fit.\n",
        linker::VERSION
    );
    text
}

fn system(release: &str) -> Option<(&'static str, &'static str)> {
    let of = |key: &str| {
        let of = |line: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
        release.lines().find_map(of).unwrap_or_default()
    };
    let names = format!("{} {}", of("ID="), of("ID_LIKE="));
    names.split_whitespace().find_map(|name| {
        let known = SYSTEMS.iter().find(|(id, _)| name.starts_with(id));
        known.copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_known_by_what_it_is_like() {
        let name = |release| system(release).map(|(name, _)| name);
        assert_eq!(name("NAME=x\nID=fedora\n"), Some("fedora"));
        assert_eq!(
            name("ID=\"linuxmint\"\nID_LIKE=\"ubuntu debian\"\n"),
            Some("ubuntu")
        );
        assert_eq!(name("ID=opensuse-leap\n"), Some("opensuse"));
        assert_eq!(name("ID=void\n"), None);
    }

    #[test]
    fn the_text_fits_a_screen_and_names_what_is_missing() {
        let missing = ["busybox".into(), "xz".into()];
        let unfit = [Some("/a/rustc: its LLVM is 20, the linker's is 22"), None];
        let text = advice(&missing, "there is no apt", &unfit);
        assert!(text.contains("missing: busybox, xz\n  /a/rustc: its LLVM is 20"));
        assert!(text.contains("there is no apt"));
        assert!(text.lines().count() <= 20, "{text}");
        assert!(text.contains(&format!("LLVM is {LLVM}")));
    }
}
