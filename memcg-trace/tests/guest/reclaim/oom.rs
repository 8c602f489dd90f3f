//! OOM kills of tasks whose cgroup has no more memory.

use crate::export::Export;
use crate::host::Cgroup;

/// One task wants more than its cgroup may have, and another task is in the same cgroup.
pub fn kills(export: &mut Export) {
    let cgroup = Cgroup::new("killed");
    cgroup.set("memory.max", "4M");
    // The kernel kills all tasks of the cgroup.
    cgroup.set("memory.oom.group", "1");
    let mut other = cgroup.start("exec sleep 1000", &[]);
    // At that moment the tool knows of a cgroup only what the last walk saw.
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
    assert!(!other.0.wait().unwrap().success(), "it was left alone");
    // The victim may be counted once more, as one of all.
    assert!(cgroup.stat("memory.events", "oom_kill") >= Some(2));
    // Each finding is reported once, so no snapshot may be skipped.
    let mut told = Vec::new();
    for _ in 0..50 {
        let frame = export.next();
        let findings = frame.of_kind("finding");
        told.extend(findings.filter(|one| one.data["kind"] == "oom").cloned());
        if told.len() > 1 {
            break;
        }
    }
    for one in &told {
        println!("{}", one.data["sentence"]);
        assert_eq!(one.data["path"], "/killed", "{one:?}");
        assert_eq!(one.data["severity"], "critical");
        assert_eq!(one.data["figures"]["limited_by_path"], "/killed");
    }
    assert_eq!(told.len(), 2, "{told:#?}");
    let of = |pid: u32| {
        let mut all = told.iter().map(|one| &one.data["figures"]);
        all.find(|figures| figures["victim_pid"] == pid)
            .unwrap_or_else(|| panic!("nothing of {pid}: {told:#?}"))
    };
    let (chosen, with_it) = (of(pid), of(other.0.id()));
    assert_eq!(chosen["victim_comm"], "dd");
    assert!(chosen["chosen_pid"].is_null(), "{chosen}");
    assert_eq!(chosen["max_bytes"], 4 << 20);
    assert!(chosen["anon_bytes"].as_u64() > Some(1 << 20), "{chosen}");
    assert!(
        chosen["slab_bytes"].is_u64() && chosen["top_caches"].is_array(),
        "{chosen}"
    );
    assert_eq!(with_it["victim_comm"], "sleep");
    assert_eq!(with_it["chosen_pid"], pid);
    assert!(with_it["points"].is_null(), "{with_it}");
    let why = with_it["memory"].as_str().unwrap();
    assert!(why.starts_with("not read: see the kill"), "{with_it}");
}
