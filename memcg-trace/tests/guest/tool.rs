//! The program as users run it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use crate::contract::{Record, tame};
use crate::host::{Process, eventually};

pub const PROGRAM: &str = "/bin/memcg-trace";

/// The program with arguments, ready to start.
pub fn command<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Output {
    finish(&mut command(args))
}

/// Runs the program without any privilege.
pub fn as_nobody(args: &[&str]) -> Output {
    finish(command(args).uid(65_534).gid(65_534))
}

/// Runs the program with something hidden: `script` runs first, in a mount namespace of its own.
pub fn hidden(script: &str, args: &[&str]) -> Output {
    let script = format!("{script} || exit 99\nexec {PROGRAM} \"$@\"");
    let mut command = Command::new("/bin/unshare");
    command
        .args(["-m", "/bin/sh", "-c", &script, "sh"])
        .args(args)
        .stdin(Stdio::null());
    finish(&mut command)
}

/// A mount namespace in which a script has hidden something, for later runs. A mount namespace ends
/// with a grace period of RCU: this is for tests that must not wait for one.
pub struct Blind(Process);

impl Blind {
    pub fn new(script: &str) -> Self {
        let script = format!("{script} && exec sleep 1000000");
        let mut command = Command::new("/bin/unshare");
        command.args(["-m", "/bin/sh", "-c", &script]);
        let process = Process(command.stdin(Stdio::null()).spawn().unwrap());
        let comm = format!("/proc/{}/comm", process.0.id());
        eventually("something is hidden", || {
            match fs::read_to_string(&comm).unwrap().trim_end() {
                "sleep" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
        Self(process)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let pid = self.0.0.id().to_string();
        let mut command = Command::new("/bin/nsenter");
        command.args(["-t", &pid, "-m", PROGRAM]).args(args);
        finish(command.stdin(Stdio::null()))
    }
}

/// A script that hides symbols of the kernel.
pub fn without_symbols(names: &[&str]) -> String {
    // Behind a symbol of a module stands the name of the module.
    let line = |name: &&str| format!(" {name}\\($\\|[[:space:]]\\)");
    let lines: Vec<_> = names.iter().map(line).collect();
    let lines = lines.join("\\|");
    format!(
        "sed '/{lines}/d' /proc/kallsyms >/tmp/symbols && mount --bind /tmp/symbols /proc/kallsyms"
    )
}

/// A script that hides a kernel structure or a field by renaming it in BTF. `None` where there is
/// none.
pub fn without_type(name: &str) -> Option<String> {
    const BTF: &str = "/sys/kernel/btf/vmlinux";
    let mut types = fs::read(BTF).unwrap();
    let string = [b"\0", name.as_bytes(), b"\0"].concat();
    let at = types
        .windows(string.len())
        .position(|some| some == string)?;
    types[at + 1] = b'_';
    fs::write("/tmp/types", types).unwrap();
    Some(format!("mount --bind /tmp/types {BTF}"))
}

pub fn finish(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    println!(
        "{}: {}, {} lines{}{}",
        args.join(" ").replace('\n', "; "),
        output.status,
        stdout(&output).lines().count(),
        if output.stderr.is_empty() { "" } else { "; " },
        stderr(&output).trim_end()
    );
    output
}

pub fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// Checks that the program succeeded without messages, and returns its records.
pub fn records(output: &Output) -> Vec<Record> {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    assert_eq!(stderr(output), "");
    parse(stdout(output))
}

/// Parses whole lines, each a record, numbered without a gap.
pub fn parse(text: &str) -> Vec<Record> {
    let records: Vec<_> = text.split_inclusive('\n').map(Record::parse).collect();
    for (seq, record) in (0..).zip(&records) {
        assert_eq!(record.seq, seq, "a gap in seq");
    }
    records
}

/// Checks that the program ended with a code, and one clean line that has these parts.
pub fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    tame(said.trim_end());
    for part in parts {
        assert!(said.contains(part), "no {part:?} in {said:?}");
    }
}
