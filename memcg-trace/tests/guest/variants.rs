//! Every variant of the slab hooks that a kernel offers counts to the object.

use std::collections::BTreeSet;
use std::fs;

use crate::doctor::{chosen, report, trampolines};
use crate::export::Export;
use crate::slab::assert_exact;
use crate::traces::{TRACING, Traces, leaves_nothing};
use crate::{slab_ways, tool};

/// Functions whose entry one variant or another hooks.
const FREES: [&str; 3] = [
    "__memcg_slab_free_hook",
    "kmem_cache_free",
    "kmem_cache_free_bulk",
];

/// The hooks that a kernel offers, by its own lists.
struct Offers {
    /// A hook in the path of all frees of accounted objects, and its sibling for allocations.
    hook: bool,
    /// Whether `kmem_cache_free` fires before the object is freed: it does since its tracepoint
    /// names the cache.
    early_free: bool,
}

impl Offers {
    fn of_this_kernel() -> Self {
        let functions =
            fs::read_to_string(format!("{TRACING}/available_filter_functions")).unwrap();
        let has = |name: &str| {
            functions
                .lines()
                .any(|line| line.split(' ').next() == Some(name))
        };
        let hook = has("__memcg_slab_free_hook");
        assert_eq!(hook, has("__memcg_slab_post_alloc_hook"));
        let format = fs::read_to_string(format!("{TRACING}/events/kmem/kmem_cache_free/format"));
        Self {
            hook,
            early_free: format.unwrap().contains("name=%s"),
        }
    }

    /// The places of kprobes and of trampolines with `--attach`.
    fn expected(&self, attach: &str) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
        let [hook, free, bulk] = FREES;
        let kprobes = match attach {
            "trampoline" if self.hook => vec![],
            "tracepoint" if self.early_free => vec![bulk],
            _ if self.hook => vec![hook],
            "kprobe" => vec![free, bulk],
            _ if self.early_free => vec![bulk],
            _ => vec![free, bulk],
        };
        let trampolines = match attach {
            "trampoline" if self.hook => vec![hook, "__memcg_slab_post_alloc_hook"],
            _ => vec![],
        };
        (
            kprobes.into_iter().collect(),
            trampolines.into_iter().collect(),
        )
    }
}

fn variant(attach: &str) {
    let (kprobes, expected_trampolines) = Offers::of_this_kernel().expected(attach);
    let report = report(&tool::run(&["doctor", "--json", "--attach", attach]));
    let chosen = ["slab_alloc", "slab_free"].map(|fact| chosen(&report, fact).unwrap());
    println!("--attach {attach}: doctor chooses {chosen:?}");
    let places = || chosen.iter().flat_map(|place| place.split('+'));
    let by = |family: &str| -> BTreeSet<&str> {
        places()
            .filter_map(|place| place.strip_prefix(family)?.strip_prefix(':'))
            .collect()
    };
    assert_eq!(by("kprobe"), kprobes);
    assert!(by("fentry").union(&by("fexit")).eq(&expected_trampolines));
    let auto = Offers::of_this_kernel().expected("auto");
    if (&kprobes, &expected_trampolines) == (&auto.0, &auto.1) {
        println!("--attach {attach}: what is taken anyway, which other tests are about");
        return;
    }
    leaves_nothing(|| {
        let mut export = Export::start(&["--attach", attach]);
        let traces = Traces::now();
        let used: BTreeSet<_> = FREES
            .into_iter()
            .filter(|name| traces.kprobes.contains(*name))
            .collect();
        let trampolines = trampolines();
        println!("--attach {attach}: kprobes {used:?}, trampolines {trampolines:?}");
        assert_eq!(used, kprobes);
        assert!(
            trampolines.iter().eq(&expected_trampolines),
            "{expected_trampolines:?}"
        );
        assert_exact(&mut export, &format!("files-by-{attach}"));
        if attach == "trampoline" && slab_ways::is_built() {
            slab_ways::count(&mut export, attach, &[]);
        }
        export.stop();
    });
}

#[test]
fn by_tracepoint() {
    variant("tracepoint");
}

#[test]
fn by_kprobe() {
    variant("kprobe");
}

#[test]
fn by_trampoline() {
    variant("trampoline");
}
