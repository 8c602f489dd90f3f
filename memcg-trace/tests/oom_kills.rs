//! The sentence and the figures of an OOM kill, by what the memory was.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue says where"
)]

mod fixture;

use fixture::{empty, memcg, oom_kill, root, snapshots, walk};
use memcg_trace::model::snapshot::{Figure, Finding, FindingKind};
use memcg_trace::sample::Memcg;
use memcg_trace::sample::oom::{Composition, OomLevel, OomMemory, ShmemFile, ShmemFiles};
use memcg_trace::sample::reclaim::OomKill;

const MIB: u64 = 1 << 20;
const SERVICE: u64 = 5;

/// The sentence about a kill in a memcg of 12 MiB with this memory.
fn explained(composition: Composition, change: impl Fn(&mut OomMemory)) -> Finding {
    let mut memory = OomMemory {
        composition,
        swap_total_bytes: Some(0),
        swap_free_bytes: Some(0),
        swappiness: Some(60),
        has_swap_limits: Some(true),
        levels: vec![OomLevel {
            serial_nr: SERVICE,
            usage_bytes: Some(12 * MIB),
            max_bytes: Some(12 * MIB),
            swap_bytes: Some(0),
            swap_max_bytes: Some(u64::MAX),
            ..OomLevel::default()
        }],
        ..OomMemory::default()
    };
    change(&mut memory);
    let sample = |second| {
        let mut sample = empty(second);
        let service = Memcg {
            usage_bytes: Some(10 * MIB),
            ..memcg(SERVICE, 1, "service")
        };
        sample.memcgs = Some(walk(second, vec![root(), service]));
        sample
    };
    let mut killed = sample(1);
    memory.time_ns = killed.mono_ns - 3;
    killed.oom_kills = Some(vec![OomKill {
        memory: Some(Box::new(memory)),
        ..oom_kill(killed.mono_ns, SERVICE)
    }]);
    let all = snapshots(&[sample(0), killed]);
    let mut findings = all[1].findings.items.iter();
    let found = findings.find(|one| one.kind == FindingKind::Oom).cloned();
    found.unwrap()
}

fn count(finding: &Finding, name: &str) -> u64 {
    match finding.figure(name) {
        Some(Figure::Count(count)) => *count,
        other => panic!("{name}: {other:?}"),
    }
}

/// A memory that is all shmem but a MiB.
fn shmem() -> Composition {
    Composition {
        anon_bytes: Some(MIB / 2),
        file_bytes: Some(11 * MIB),
        shmem_bytes: Some(11 * MIB),
        kernel_bytes: Some(MIB / 4),
        sock_bytes: Some(0),
        ..Composition::default()
    }
}

#[test]
fn a_kill_is_explained_by_what_the_memory_was() {
    let begin = "the kernel killed java[900] of /service, since /service is at its memory.max: \
                 of its 12.0 MiB, ";
    let says = |finding: &Finding, rest: &str| {
        assert_eq!(finding.sentence, format!("{begin}{rest}"), "{finding:#?}");
    };
    let file = ShmemFile {
        path: Some("/run/big".into()),
        bytes: 10 * MIB,
        links: Some(1),
        ..ShmemFile::default()
    };
    let found = explained(shmem(), |memory| {
        memory.files = Some(ShmemFiles {
            files: vec![file.clone()],
            ..ShmemFiles::default()
        });
    });
    says(
        &found,
        "11.0 MiB shmem (/run/big: 10.0 MiB) were in use; 11.5 MiB is memory that only swap could \
         take, and the host has none",
    );
    assert_eq!(count(&found, "shmem_bytes"), 11 * MIB);
    assert_eq!(count(&found, "figures_after_ns"), 2);
    assert_eq!(count(&found, "unattributed_bytes"), MIB / 4);
    assert_eq!(found.figure("percpu_bytes"), Some(&Figure::Unknown));

    let full = explained(shmem(), |memory| memory.swap_total_bytes = Some(MIB));
    assert!(
        full.sentence
            .ends_with("only swap could take, and the host's 1.0 MiB are full")
    );
    let limited = explained(shmem(), |memory| {
        (memory.swap_total_bytes, memory.swap_free_bytes) = (Some(MIB), Some(MIB));
        memory.levels[0].swap_max_bytes = Some(0);
    });
    let reason = "only swap could take, and memory.swap.max of /service, 0 B, is reached";
    assert!(limited.sentence.ends_with(reason), "{limited:?}");
    let free = explained(shmem(), |memory| {
        (memory.swap_total_bytes, memory.swap_free_bytes) = (Some(MIB), Some(MIB));
    });
    assert!(
        free.sentence
            .ends_with("memory that swap could take: 1.0 MiB were free"),
        "{free:?}"
    );
    let unknown = explained(shmem(), |memory| memory.swap_total_bytes = None);
    assert!(!unknown.sentence.contains("none"), "{unknown:?}");
}

#[test]
fn a_kill_names_each_obstacle_and_whose_memory_it_was() {
    let slab = Composition {
        file_bytes: Some(4 * MIB),
        shmem_bytes: Some(0),
        file_dirty_bytes: Some(3 * MIB),
        slab_reclaimable_bytes: Some(MIB / 4),
        slab_unreclaimable_bytes: Some(7 * MIB),
        ..Composition::default()
    };
    let found = explained(slab, |memory| {
        memory.below = vec![OomLevel {
            serial_nr: 77,
            usage_bytes: Some(8 * MIB),
            min_bytes: Some(MIB),
            ..OomLevel::default()
        }];
    });
    let end = "7.0 MiB slab without shrinkers and 4.0 MiB pages of files were in use; 7.0 MiB is \
               slab that no shrinker frees; 3.0 MiB is of files that must be written to storage \
               first; serial_nr:77 below it had 8.0 MiB";
    assert!(found.sentence.ends_with(end), "{}", found.sentence);
    let reasons = Figure::Texts(vec![
        "7.0 MiB is slab that no shrinker frees".to_owned(),
        "3.0 MiB is of files that must be written to storage first".to_owned(),
        "1.0 MiB is protected by memory.min of serial_nr:77".to_owned(),
    ]);
    assert_eq!(found.figure("not_reclaimed"), Some(&reasons));

    let nothing = explained(Composition::default(), |_| {});
    let end = "at its memory.max, and what its 12.0 MiB were is not known";
    assert!(nothing.sentence.ends_with(end), "{nothing:?}");
}
