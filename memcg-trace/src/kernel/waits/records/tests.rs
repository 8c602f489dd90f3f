//! Tests with waiter records, lists and owner words of real kernels, in
//! `tests/recordings/words-*.txt`: the words that were read of sleepers whose lock and holder were
//! known.
//!
//! A file consists of cases, each with lines of `KEY VALUE …`: `offsets` of the kernel's layout,
//! the `task`, where its stack has a `begin`, how many of its `words` are `hidden` in stacks, the
//! word `at` an address, the addresses on a `stack`, the lock's `count` and `owner` word; and the
//! expected `lock`, and the task that it is `held` by.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use super::*;
use crate::kernel::waits::owner::{self, Held};

/// Kernel series, and how their locks keep their waiters.
const KERNELS: [(&str, &str); 4] = [
    ("5.10", "head"),
    ("6.1", "head"),
    ("6.12", "head"),
    ("7.2", "first"),
];

/// `THREAD_SIZE` of all these kernels, to which stacks are aligned.
const STACK_BYTES: u64 = 16 << 10;

#[derive(Default)]
struct Case {
    kind: String,
    offsets: HashMap<String, u64>,
    task: u64,
    begin: u64,
    hidden: usize,
    words: Vec<u64>,
    memory: HashMap<u64, u64>,
    stacks: HashSet<u64>,
    count: u64,
    owner: u64,
    lock: u64,
    held: String,
}

fn number(word: &str) -> u64 {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => word.parse().unwrap(),
    }
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case = Self::default();
        for line in text.lines() {
            let (key, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mut words = rest.split(' ');
            let mut next = || words.next().unwrap();
            match key {
                "case" => case.kind = rest.to_owned(),
                "offsets" => {
                    let pairs: Vec<_> = rest.split(' ').collect();
                    let pairs = pairs.chunks(2);
                    let pairs = pairs.map(|pair| (pair[0].to_owned(), number(pair[1])));
                    case.offsets = pairs.collect();
                }
                "task" => case.task = number(rest),
                "begin" => case.begin = number(rest),
                "hidden" => case.hidden = rest.parse().unwrap(),
                "words" => case.words.extend(rest.split(' ').map(number)),
                "at" => drop(case.memory.insert(number(next()), number(next()))),
                "stack" => drop(case.stacks.insert(number(rest))),
                "count" => case.count = number(rest),
                "owner" => case.owner = number(rest),
                "lock" => case.lock = number(rest),
                "held" => case.held = rest.to_owned(),
                _ => panic!("{line}"),
            }
        }
        case
    }

    fn all(series: &str) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
        let text = fs::read_to_string(folder.join(format!("words-{series}.txt"))).unwrap();
        text.split("\n\n").map(Self::read).collect()
    }

    fn shape(&self) -> Shape {
        match &*self.kind {
            "mutex" => MUTEX,
            "rwsem" => RWSEM,
            other => panic!("{other}"),
        }
    }

    /// The record as the layout of its kernel has it.
    fn record(&self) -> Record {
        let shape = self.shape();
        let name = |field| match field {
            _ if field == shape.link => "link",
            _ if field == shape.task => "task",
            _ if field == shape.head => "head",
            _ => "first",
        };
        let offset = |field| self.offsets.get(name(field)).copied();
        let absent = || Unreadable::Absent("no such field".to_owned());
        shape
            .record(|field| offset(field).ok_or_else(absent))
            .unwrap()
    }

    fn lock(&self) -> Result<Option<u64>, Unreadable> {
        let stack = Stack {
            words: self.words.clone(),
            hidden_words: self.hidden,
            begin: self.begin,
            ..Stack::default()
        };
        let memory = LinkMemory {
            word: &|address| {
                let word = self.memory.get(&address).copied();
                word.ok_or(Unreadable::Fault(address))
            },
            is_on_stack: &|address| {
                let mut known = self.stacks.iter().chain([&self.begin]);
                known.any(|known| known / STACK_BYTES == address / STACK_BYTES)
            },
        };
        lock_of(&memory, &stack, self.task, self.record())
    }

    fn held(&self) -> Option<Held> {
        match &*self.kind {
            "mutex" => owner::of_mutex(self.owner),
            _ => owner::of_rwsem(self.count, self.owner),
        }
    }
}

#[test]
fn every_recorded_record_leads_to_its_lock() {
    for (series, list) in KERNELS {
        let cases = Case::all(series);
        for case in &cases {
            assert!(case.offsets.contains_key(list), "{series}");
            assert_eq!(case.lock(), Ok(Some(case.lock)), "{series}: {}", case.kind);
            let (how, who) = case.held.split_once(' ').unwrap();
            let expected = match how {
                "by" => Held::By(number(who)),
                _ => Held::ForReading {
                    last: number(who),
                    readers: 1,
                },
            };
            assert_eq!(case.held(), Some(expected), "{series}: {}", case.kind);
        }
        for kind in ["mutex", "rwsem"] {
            let of_kind = cases.iter().filter(|case| case.kind == kind);
            assert!(of_kind.count() > 1, "{series}: {kind}");
        }
        assert!(
            cases.iter().any(|case| case.held.starts_with("reading")),
            "{series}"
        );
    }
}

/// A link that does not lead back, or leads to unreadable memory, gives no lock rather than a wrong
/// one.
#[test]
fn a_broken_link_leads_to_no_lock() {
    for (series, _) in KERNELS {
        for mut case in Case::all(series) {
            for word in case.memory.values_mut() {
                *word ^= 0x10;
            }
            assert_eq!(case.lock(), Ok(None), "{series}");
            case.memory.clear();
            assert_eq!(case.lock(), Ok(None), "{series}");
        }
    }
}

/// Where lists have no head, words on stacks may look like a lock.
#[test]
fn what_is_on_a_stack_is_no_lock() {
    for mut case in Case::all("7.2") {
        let record = case.record();
        let List::First(first) = record.list else {
            panic!("{record:?}");
        };
        let place = case.words.iter().position(|word| *word == case.lock);
        let of_lock = case.memory[&(case.lock + first)];
        // One such word on the task's own stack, and one elsewhere.
        let seeming = [case.begin + 0x20, 0xffff_8880_1234_5000];
        for (seeming, found) in seeming.into_iter().zip([Some(case.lock), None]) {
            case.memory.insert(seeming + first, of_lock);
            case.words[place.unwrap() - 1] = seeming;
            assert_eq!(case.lock(), Ok(found));
        }
    }
}

#[test]
fn words_of_a_lock_that_nobody_waits_for_are_none() {
    let task = 0xffff_8880_0000_1000;
    assert_eq!(owner::of_mutex(task), None);
    assert_eq!(owner::of_mutex(task | 1), Some(Held::By(task)));
    assert_eq!(owner::of_mutex(1), Some(Held::ByNobody));
    assert_eq!(owner::of_rwsem(1, task), None);
    assert_eq!(owner::of_rwsem(3, task), Some(Held::By(task)));
    assert_eq!(owner::of_rwsem(2, task | 3), Some(Held::ByNobody));
    let readers = Held::ForReading {
        last: task,
        readers: 2,
    };
    assert_eq!(owner::of_rwsem(2 << 8 | 2, task | 3), Some(readers));
}

/// Without a head of the list and without a first record, no lock is found.
#[test]
fn an_unknown_layout_is_not_guessed() {
    for shape in [MUTEX, RWSEM, SEMAPHORE, COMPLETION] {
        let known = |field| field == shape.link || field == shape.task;
        let absent = || Unreadable::Absent("unsupported layout".to_owned());
        let record = shape.record(|field| known(field).then_some(8).ok_or_else(absent));
        assert_eq!(record, Err(absent()));
    }
}
