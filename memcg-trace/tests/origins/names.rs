//! Shapes that names have, and those that they do not have.

use std::collections::BTreeMap;

use memcg_trace::sample::Text;

use super::fixture::{self, ROOT, root};
use super::{Random, memcg, origins, zombie};

/// Shapes and their numbers, of dead memcgs with these names below /a.
fn shapes<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> BTreeMap<String, u64> {
    let dead = (10..)
        .zip(names)
        .map(|(serial, name)| zombie(serial, 2, name, 1));
    let rows = [root(), memcg(2, ROOT, "a")].into_iter().chain(dead);
    let groups = origins(rows.collect()).into_iter();
    groups
        .map(|group| {
            assert_eq!(group.parent, Text::from("/a"));
            (group.name.display().into_owned(), group.zombies)
        })
        .collect()
}

#[track_caller]
fn one_shape<T: AsRef<[u8]>>(names: Vec<T>, shape: &str) {
    let count = names.len() as u64;
    assert_eq!(shapes(names), BTreeMap::from([(shape.to_owned(), count)]));
}

#[track_caller]
fn each_itself(names: &[&str]) {
    let each = names.iter().map(|name| ((*name).to_owned(), 1));
    assert_eq!(shapes(names.iter().copied()), each.collect());
}

#[test]
fn what_varies_is_found_in_names_of_each_kind() {
    let mut random = Random(1);
    let many = |count: usize, mut make: Box<dyn FnMut() -> String + '_>| -> Vec<String> {
        (0..count).map(|_| make()).collect()
    };
    for count in [1, 2, 3, 40] {
        let names = many(count, Box::new(|| random.hex(64)));
        one_shape(names, "<hex64>");
        let names = many(
            count,
            Box::new(|| format!("docker-{}.scope", random.hex(64))),
        );
        one_shape(names, "docker-<hex64>.scope");
        let names = many(
            count,
            Box::new(|| format!("run-r{}.service", random.hex(32))),
        );
        one_shape(names, "run-r<hex32>.service");
        let names = many(count, Box::new(|| random.uuid("-")));
        one_shape(names, "<uuid>");
        let pod = || format!("kubepods-besteffort-pod{}.slice", random.uuid("_"));
        let names = many(count, Box::new(pod));
        one_shape(names, "kubepods-besteffort-pod<uuid>.slice");
    }
    for count in [3, 40] {
        let names = many(count, Box::new(|| format!("build{}", random.hex(8))));
        one_shape(names, "build<hex8>");
        let names = many(count, Box::new(|| format!("ci-{}-x", random.hex(12))));
        one_shape(names, "ci-<hex12>-x");
    }
    let base32 = "abcdefghijklmnopqrstuvwxyz234567";
    let names = many(40, Box::new(|| random.of(base32, 26)));
    one_shape(names, "<id26>");
    let suffix = "bcdfghjklmnpqrstvwxz2456789";
    let names = many(60, Box::new(|| format!("web-{}", random.of(suffix, 5))));
    one_shape(names, "web-<id5>");
    let numbers = |name: &str, count: u32| -> Vec<String> {
        (0..count)
            .map(|number| name.replace('N', &number.to_string()))
            .collect()
    };
    one_shape(numbers("session-N.scope", 120), "session-<n>.scope");
    one_shape(numbers("session-cN.scope", 12), "session-c<n>.scope");
    one_shape(numbers("run-uN.service", 2), "run-u<n>.service");
    one_shape(
        numbers(r"machine-qemu\x2dN\x2dvm.scope", 9),
        r"machine-qemu\x2d<n>\x2dvm.scope",
    );
    one_shape(numbers("run-p7-iN.scope", 5), "run-p7-i<n>.scope");
    let days: Vec<_> = (10..20)
        .map(|day| format!("backup-2026-11-{day}"))
        .collect();
    one_shape(days, "backup-<date>");
}

#[test]
fn words_are_no_ids() {
    each_itself(&[
        "backup.service",
        "cron.service",
        "nginx.service",
        "deadbeef",
        "facade",
    ]);
    each_itself(&["session-3.scope"]);
    each_itself(&["sha256sum", "utf8toiso", "mp3split2", "x86w64mingw32"]);
    each_itself(&["php8.1-fpm.service", "web.service"]);
    each_itself(&["backup-2026-11-30", "2026-13-40"]);
    each_itself(&["ipv4.service", "ipv6only.service"]);
    each_itself(&["<n>", "<hex64>", "Ünïcode"]);
    // One digit less than a UUID, and one group less.
    each_itself(&["job-1a2b3c4-1111-2222-3333-444455556666", "job-aaaa"]);
    // The same name died again and again: it is one origin.
    one_shape(vec!["backup.service"; 500], "backup.service");
    // A constant number stays what it is.
    one_shape(vec!["job-7-1", "job-7-2"], "job-7-<n>");
}

#[test]
fn names_without_anything_in_common_are_one_group_if_they_are_many() {
    let word = |number: u64| -> String {
        let letter = |place: u32| char::from(b'a' + (number / 26_u64.pow(place) % 26) as u8);
        (0..4).map(letter).collect::<String>() + &"x".repeat(number as usize % 7)
    };
    one_shape((0..500).map(word).collect(), "<name>");
    let few: Vec<_> = (0..20).map(word).collect();
    each_itself(&few.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn names_of_any_bytes_have_a_shape() {
    let evil = |number: u8| [fixture::EVIL, b"-", number.to_string().as_bytes()].concat();
    let groups = shapes((0..20).map(evil));
    assert_eq!(groups.len(), 1);
    let (shape, count) = groups.first_key_value().unwrap();
    assert_eq!(*count, 20);
    assert!(
        shape.ends_with("-<n>") && !shape.contains(char::is_control),
        "{shape:?}"
    );
    one_shape(vec![vec![0xff; 255]], &"\u{fffd}".repeat(255));
}
