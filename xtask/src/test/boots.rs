//! Boots of each kernel, and the tests that run in each.

use std::ffi::OsString;

use memcg_trace_guest::Cgroup;

use super::special_guests::{On, SPECIAL_GUESTS, SpecialGuest, special_guest};
use crate::kernel::{REAP_DEADLOCK, Series};

/// Tests that need the test modules, by the start of their names.
const OF_MODULES: &[&str] = &[
    "fleet::",
    "pins::module::",
    "locks::edges::",
    "locks::grace::",
    "locks::in_use::",
    "locks::module::",
    "locks::removals::",
    "locks::works::",
    "locks::ready::",
    "locks::unseen::",
    "slab_callers::",
    "slab_ways::",
];
/// Tests that run only on the first and the last kernel of a run, in a boot of their own, by the
/// start of their names: what they check does not depend on the kernel, or only on the differences
/// between those two.
const AT_THE_ENDS: &[&str] = &[
    // Messages where the tool is not allowed to do its work, and what it takes to be allowed.
    "bad_hosts::",
    "capabilities::a_host_that_leaves_kprobes_to_root",
    "capabilities::addresses_are_for_others",
    "capabilities::maps_that_are_too_large",
    "capabilities::nobody_sees_addresses",
    "capabilities::those_of_the_readme",
    "doctor::doctor_works_without_privilege",
    // Rules of the model. Their figures are compared with the kernel's own on each kernel (`memcg`,
    // `reclaim`, `slab`).
    "findings::",
    // Recordings of an OOM kill: a deadlock is recorded on each kernel (`locks`).
    "incidents::",
    // Untrusted bytes in names, groups of the dead and the abandoned, which are made of names, and
    // series, which are made of figures that other tests compare.
    "names::",
    "origins::",
    "serve::",
    // Memory of the tool, lookup of a zombie by name, and the rule that nothing below the cgroup
    // file system is opened.
    "pins::census::a_zombie_is_found_by_any_name",
    "pins::hung::",
    "pins::many::",
    // Walks in a storm, which proceed the same way on each kernel; their results are compared with
    // the kernel's own counts on each.
    "pins::census::a_storm_during_the_census",
    "slab_walk::a_storm_does_not_move_what_stays",
    // Frees after a grace period, which differ most between those two.
    "slab_callers::a_flood_is_counted_and_the_rest_is_named",
    "slab_callers::a_recording_has_callers",
    // Files, texts, screens, and exits of the tool.
    "record::",
    "screen::",
    "slab_walk::slab_as_text",
    "stream::",
    // The model's sums of walks and later events, each of which is compared on each kernel (`slab`,
    // `slab_walk`).
    "slab_live::",
    // Rules of the model; and charges that move to the parent, in one way on the first kernel and
    // in another way on the last.
    "trend::",
];

/// Tests that [`BETWEEN`] leaves to the kernels before and after it, by the start of their names:
/// whether advice frees what it says, and what is said of holders that are hidden or that nobody looks
/// for. Their finders are tried on each kernel (`pins::kinds`, `held_files`, `holders`). Pages do not pin
/// on the last kernel, so that the first and the last would be too few.
const NOT_BETWEEN: &[&str] = &[
    "pins::followed::",
    "pins::handed_over::",
    "pins::hidden_holders::",
    "pins::loop_devices::",
    "pins::module::",
    "pins::not_looked_at::",
    "pins::unmounted::",
    "pins::visible_paths::",
];

/// The kernel that leaves tests to its neighbours.
const BETWEEN: &str = "6.1";

/// A boot of a kernel, for some of the tests.
#[derive(Clone, Copy)]
pub struct Boot {
    pub series: &'static Series,
    pub tests: Tests,
    /// Whether the kernel is the first or the last of the run, or the run is a long one.
    is_at_the_ends: bool,
}

impl Boot {
    /// The tests that this boot leaves to other kernels, by the start of their names. One that is
    /// asked for by name runs on each kernel.
    fn left_to_others(self, names: &[String]) -> &'static [&'static str] {
        if self.is_at_the_ends || !names.is_empty() {
            return &[];
        }
        match self.tests {
            Tests::Special(one) => one.at_the_ends,
            Tests::Others if self.series.name == BETWEEN => NOT_BETWEEN,
            Tests::Others | Tests::AtTheEnds => &[],
        }
    }
}

#[derive(Clone, Copy)]
pub enum Tests {
    /// The tests of [`AT_THE_ENDS`].
    AtTheEnds,
    /// Tests that need a special guest.
    Special(&'static SpecialGuest),
    Others,
}

impl Tests {
    /// The boot of a test, on a kernel that runs all tests.
    fn of(name: &str) -> Self {
        match special_guest(name) {
            Some(one) => Self::Special(one),
            None if is_at_the_ends(name) => Self::AtTheEnds,
            None => Self::Others,
        }
    }

    /// Returns whether a boot has some of the tests that are asked for; no names ask for all.
    fn have_any_of(self, names: &[String]) -> bool {
        names.is_empty() || names.iter().any(|name| self.have(name))
    }

    fn have(self, name: &str) -> bool {
        match (self, Self::of(name)) {
            // If several kinds of guest have a test, each runs it.
            (Self::Special(one), Self::Special(_)) => name.starts_with(one.prefix),
            (Self::Others, Self::Special(one)) => one.also_elsewhere,
            (Self::Others, Self::Others) | (Self::AtTheEnds, Self::AtTheEnds) => true,
            _ => false,
        }
    }

    /// The description of the boot, after a comma.
    pub fn note(self) -> &'static str {
        match self {
            Self::AtTheEnds => ", first and last",
            Self::Special(one) => one.note,
            Self::Others => "",
        }
    }

    pub fn special_guest(self) -> Option<&'static SpecialGuest> {
        match self {
            Self::Special(one) => Some(one),
            Self::AtTheEnds | Self::Others => None,
        }
    }

    /// Returns whether the guest has our package instead of the program.
    pub fn have_package(self) -> bool {
        self.special_guest().is_some_and(|one| one.has_package)
    }

    /// Returns whether some tests of the boot use the test modules, though they can run without.
    pub fn want_modules(self) -> bool {
        match self {
            Self::Special(_) => OF_MODULES.iter().any(|tests| self.have(tests)),
            Self::AtTheEnds | Self::Others => true,
        }
    }
}

fn is_at_the_ends(name: &str) -> bool {
    AT_THE_ENDS.iter().any(|tests| name.starts_with(tests))
}

/// All boots of a run. Long boots come first, so that short ones fill up the end. In a `long` run
/// each kernel has all tests.
pub fn boots(kernels: &[&'static Series], names: &[String], long: bool) -> Vec<Boot> {
    // The newest kernels take longest.
    let all = kernels.iter().copied().rev();
    let all: Vec<_> = all.filter(|one| **one != REAP_DEADLOCK).collect();
    let mut ends = vec![all.first().copied(), all.last().copied()];
    ends.dedup();
    if long {
        ends = all.iter().copied().map(Some).collect();
    }
    let on = |on: On| -> Vec<&'static Series> {
        match on {
            On::Long if !long && names.is_empty() => Vec::new(),
            On::All | On::Long => all.clone(),
            On::TheEnds => ends.iter().flatten().copied().collect(),
            On::Only(one) => kernels
                .iter()
                .copied()
                .filter(|series| *series == one)
                .collect(),
        }
    };
    let mut kinds = vec![
        (Tests::Others, on(On::All)),
        (Tests::AtTheEnds, on(On::TheEnds)),
    ];
    kinds.extend(SPECIAL_GUESTS.iter().map(|one| {
        let mut able = on(one.on);
        able.retain(|series| series.has_v1 || one.cgroup == Cgroup::V2);
        (Tests::Special(one), able)
    }));
    kinds.retain(|(tests, _)| tests.have_any_of(names));
    let of = |(tests, able): (Tests, Vec<&'static Series>)| {
        let ends = ends.clone();
        let boot = move |series| Boot {
            series,
            tests,
            is_at_the_ends: ends.contains(&Some(series)),
        };
        able.into_iter().map(boot)
    };
    kinds.into_iter().flat_map(of).collect()
}

/// Arguments that make the test program run the tests of a boot.
pub fn selection(boot: Boot, names: &[String], has_modules: bool) -> Vec<OsString> {
    let own = names.iter().filter(|name| boot.tests.have(name));
    let mut arguments: Vec<OsString> = own.map(OsString::from).collect();
    match boot.tests {
        Tests::Others => {
            let special = SPECIAL_GUESTS.iter().filter(|one| !one.also_elsewhere);
            let special = special.map(|one| one.prefix);
            // A name that is asked for may be a part of one of these names.
            let ends = AT_THE_ENDS.iter().filter(|_| arguments.is_empty());
            let elsewhere = special.chain(ends.copied());
            let skipped: Vec<_> = elsewhere.flat_map(|tests| ["--skip", tests]).collect();
            arguments.extend(skipped.into_iter().map(OsString::from));
        }
        Tests::AtTheEnds if arguments.is_empty() => {
            arguments.extend(AT_THE_ENDS.iter().map(OsString::from));
        }
        Tests::Special(one) if arguments.is_empty() => arguments.push(one.prefix.into()),
        Tests::AtTheEnds | Tests::Special(_) => {}
    }
    let left = boot.left_to_others(names).iter();
    let of_modules = OF_MODULES.iter().filter(|_| !has_modules);
    let skipped = left.chain(of_modules).flat_map(|tests| ["--skip", tests]);
    arguments.extend(skipped.map(OsString::from));
    arguments.extend(["--test-threads=1", "--nocapture"].map(OsString::from));
    arguments
}

/// Number of tests that belong to a boot. libtest takes a filter for any part of a name, so that it
/// might run other tests by [`selection`] unnoticed.
pub fn expected(boot: Boot, all: &[String], has_modules: bool) -> u64 {
    let belongs = |name: &&String| {
        let is_of = |all: &[&str]| all.iter().any(|tests| name.starts_with(tests));
        let is_left = is_of(boot.left_to_others(&[]));
        boot.tests.have(name) && !is_left && (has_modules || !is_of(OF_MODULES))
    };
    all.iter().filter(belongs).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel;

    /// Number of boots of a kernel in which a test runs.
    fn runs(kernel: &str, test: &str) -> usize {
        let kernels: Vec<_> = kernel::all().collect();
        let boots = boots(&kernels, &[], false).into_iter();
        let boots = boots.filter(|boot| boot.series.name == kernel);
        let has_it = |boot: &Boot| {
            let arguments = selection(*boot, &[], true);
            let mut arguments = arguments.iter().map(|one| one.to_str().unwrap());
            let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
            while let Some(argument) = arguments.next() {
                match argument {
                    "--skip" => skipped.extend(arguments.next()),
                    _ if argument.starts_with("--") => {}
                    _ => wanted.push(argument),
                }
            }
            let is_in = |all: &[&str]| all.iter().any(|one| test.contains(one));
            (wanted.is_empty() || is_in(&wanted)) && !is_in(&skipped)
        };
        boots.filter(has_it).count()
    }

    #[test]
    fn each_test_runs_where_it_belongs() {
        for (test, times) in [
            ("memcg::a", [1, 1, 1, 1, 0]),
            ("pins::census::a", [1, 1, 1, 1, 0]),
            ("pins::module::a", [1, 0, 1, 1, 0]),
            ("slab_ways::a", [1, 1, 1, 1, 0]),
            ("locks::edges::a", [1, 1, 1, 1, 0]),
            ("locks::storm::a", [1, 0, 0, 1, 0]),
            ("locks::drain::a", [1, 1, 1, 1, 1]),
            ("v1::a", [1, 1, 0, 0, 0]),
            ("size::a", [2, 1, 1, 2, 0]),
            ("findings::a", [1, 0, 0, 1, 0]),
            ("userland::a", [0, 0, 0, 0, 0]),
            ("pins::many::a", [1, 0, 0, 1, 0]),
        ] {
            let kernels = ["5.10", "6.1", "6.12", "7.2", "7.0.4"];
            assert_eq!(kernels.map(|kernel| runs(kernel, test)), times, "{test}");
        }
    }

    #[test]
    fn a_name_that_ends_like_another_is_missed() {
        let names = ["names::a", "pins::names::b"].map(str::to_owned);
        let kernels: Vec<_> = kernel::all().filter(|one| one.name == "6.1").collect();
        let boots = boots(&kernels, &[], false);
        let others = boots
            .iter()
            .find(|boot| matches!(boot.tests, Tests::Others));
        assert_eq!(expected(*others.unwrap(), &names, true), 1);
    }

    #[test]
    fn a_long_run_leaves_no_kernel_out() {
        let kernels: Vec<_> = kernel::all().collect();
        let boots = boots(&kernels, &[], true);
        let with = |name: &str| boots.iter().filter(|boot| boot.tests.have(name)).count();
        assert_eq!([with("findings::a"), with("userland::a")], [4, 4]);
        let left = boots.iter().map(|boot| boot.left_to_others(&[]).len());
        assert_eq!(left.sum::<usize>(), 0);
    }

    #[test]
    fn a_test_that_is_asked_for_runs_on_each_kernel() {
        let kernels: Vec<_> = kernel::all().collect();
        let names = ["locks::storm::a".to_owned()];
        for boot in boots(&kernels, &names, false) {
            let arguments = selection(boot, &names, true);
            assert!(
                !arguments.iter().any(|one| one == "--skip"),
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn a_single_kernel_has_both_ends() {
        let kernels: Vec<_> = kernel::all().filter(|one| one.name == "6.1").collect();
        let boots = boots(&kernels, &["stream::by_count".to_owned()], false);
        assert_eq!(boots.len(), 1);
        assert!(matches!(boots[0].tests, Tests::AtTheEnds));
    }
}
