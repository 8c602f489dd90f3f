//! A task that the kernel kills, since its cgroup has no more.

use crate::export::Export;
use crate::host::Cgroup;

/// A task that wants more than its cgroup may have.
pub fn kills(export: &mut Export) {
    let cgroup = Cgroup::new("killed");
    cgroup.set("memory.max", "4M");
    // What is known of a cgroup at that moment is what the last walk saw.
    export.until("a walk has seen it", |frame| {
        let seen = frame.one("memcg", "/killed")?;
        match seen.data["max_bytes"].as_u64() {
            Some(bytes) if bytes == 4 << 20 => Ok(()),
            _ => Err(format!("{seen:?}")),
        }
    });
    let mut victim = cgroup.start("exec dd if=/dev/zero of=/dev/null bs=32M count=1", &[]);
    let (pid, status) = (victim.0.id(), victim.0.wait().unwrap());
    assert!(!status.success(), "it was not killed");
    assert_eq!(cgroup.stat("memory.events", "oom_kill"), Some(1));
    // Each finding is told once, so no snapshot may be passed over.
    let told = (0..50).find_map(|_| {
        let frame = export.next();
        let mut findings = frame.of_kind("finding");
        findings.find(|one| one.data["kind"] == "oom").cloned()
    });
    let told = told.unwrap_or_else(|| panic!("no finding"));
    println!("{}", told.data["sentence"]);
    assert_eq!(told.data["path"], "/killed", "{told:?}");
    assert_eq!(told.data["severity"], "critical");
    let figures = &told.data["figures"];
    assert_eq!(figures["victim_pid"], pid, "{told:?}");
    assert_eq!(figures["victim_comm"], "dd");
    assert_eq!(figures["limited_by_path"], "/killed");
    assert_eq!(figures["max_bytes"], 4 << 20);
    assert!(
        figures["slab_bytes"].is_u64() && figures["top_caches"].is_array(),
        "{told:?}"
    );
}
