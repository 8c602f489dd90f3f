//! A reference that nobody can explain: it is said to be there, and is explained by nothing.

use std::process::Command;

use rustix::net::AddressFamily;

use super::ledger::{ledgers, zombies};
use super::sockets::new_socket;
use crate::host::{Cgroup, eventually, root_stat, use_every_cpu};

/// Built by xtask; where it cannot, it leaves this test out and says so.
const MODULE: &str = "/bin/css_ref.ko";

#[test]
fn a_reference_of_a_module() {
    let (other, cgroup) = (Cgroup::new("other"), Cgroup::new("referenced"));
    let path = cgroup.path();
    let fd = cgroup.inside(|| new_socket(AddressFamily::NETLINK));
    let of_cgroup = format!("cgroup={path}");
    let loaded = Command::new("insmod").args([MODULE, &of_cgroup]).status();
    assert!(loaded.unwrap().success());
    cgroup.remove();
    let see = |refs: i64, kinds: &[(&str, u64)]| {
        eventually("its references", || {
            use_every_cpu(&other);
            let ledgers = ledgers(None);
            let ledger = ledgers.iter().find(|ledger| ledger.path() == path);
            let ledger = ledger.ok_or("it is no zombie")?;
            let is_seen = ledger.refs() == Some(refs)
                && ledger.unexplained() == Some(1)
                && ledger.kinds() == kinds;
            println!("{}", ledger.sentence());
            if is_seen {
                Ok(())
            } else {
                Err(format!("{ledger:?}"))
            }
        });
    };
    see(2, &[("socket_other", 1)]);
    drop(fd);
    see(1, &[]);
    unload(&other);
}

/// The same to a cgroup whose memory cgroup is gone: it is listed, and nobody is named.
#[test]
fn a_reference_to_the_cgroup_itself() {
    let (other, cgroup) = (Cgroup::new("other"), Cgroup::new("kept"));
    let path = cgroup.path();
    let of_cgroup = format!("cgroup={path}");
    let loaded = Command::new("insmod")
        .args([MODULE, &of_cgroup, "itself=1"])
        .status();
    assert!(loaded.unwrap().success());
    cgroup.remove();
    eventually("its reference", || {
        use_every_cpu(&other);
        let (_, summary) = zombies();
        if summary["dying"]["without_memcg"] != 1 || summary["dying"]["not_found"] != 0 {
            return Err(summary.to_string());
        }
        let ledgers = ledgers(Some(&path));
        let ledger = ledgers.first().ok_or("it has no ledger")?;
        println!("{}", ledger.sentence());
        let is_seen = ledger.refs() == Some(1)
            && ledger.unexplained() == Some(1)
            && ledger.kinds().is_empty()
            && !ledger.not_checked().is_empty();
        if is_seen {
            Ok(())
        } else {
            Err(format!("{ledger:?}"))
        }
    });
    unload(&other);
}

fn unload(other: &Cgroup) {
    let unloaded = Command::new("rmmod").arg("css_ref").status();
    assert!(unloaded.unwrap().success());
    eventually("it is freed", || {
        use_every_cpu(other);
        match root_stat("nr_dying_descendants").unwrap() {
            0 => Ok(()),
            dying => Err(format!("{dying} are dying")),
        }
    });
}
