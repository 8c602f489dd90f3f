//! The package: what lintian and promtool say of it, and what a purge leaves.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::http::get;

const EXAMPLES: &str = "/usr/share/doc/memcg-trace/examples";

fn shell(script: &str) -> String {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).stdin(Stdio::null());
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{script}: {}\n{said}{why}",
        output.status
    );
    said
}

/// All files of the system but those that services write all the time.
pub fn files() -> BTreeSet<String> {
    let apart = [
        "/var/log",
        "/var/lib/dpkg",
        "/var/lib/systemd",
        "/var/lib/prometheus",
    ];
    let apart = [&apart[..], &["/var/cache", "/tmp", "/var/tmp"]].concat();
    let apart: Vec<_> = apart.iter().map(|path| format!("-path {path}")).collect();
    let script = format!(
        "find / -xdev \\( {} \\) -prune -o -print",
        apart.join(" -o ")
    );
    shell(&script).lines().map(str::to_owned).collect()
}

/// Lintian, whose rules are Debian's policy.
pub fn is_clean_for_lintian() {
    let said = shell("lintian --fail-on error,warning,info --info /bin/memcg-trace_*.deb");
    println!(
        "lintian: {}",
        if said.is_empty() { "nothing" } else { &said }
    );
}

/// Promtool accepts the rules of the package, and has no complaint about names, units and types of
/// metrics.
pub fn promtool_finds_nothing_to_say() {
    println!(
        "{}",
        shell(&format!(
            "promtool check rules {EXAMPLES}/memcg-trace.rules.yml"
        ))
    );
    let text = get(10_977, "/metrics", "text/plain").unwrap();
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]);
    promtool
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{}: {said}", output.status);
}

pub fn purge() {
    shell("dpkg --purge memcg-trace");
    let mut dpkg = Command::new("dpkg");
    let known = dpkg.args(["--status", "memcg-trace"]).output().unwrap();
    assert!(!known.status.success(), "dpkg still knows it");
    let left = shell("ps -e -o comm= | grep -c '^memcg-trace$' || true");
    assert_eq!(left.trim(), "0", "processes of it");
}
