//! The order of folders in ARCHITECTURE.md and of files within them, read from the imports in the
//! sources, and the limits of files and folders.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod imports;
mod limits;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::{imports, reachable};
use sources::{Module, Source, crates, sources};

/// The folders that have all crates.
const PARTS: [&str; 4] = [
    "memcg-trace",
    "memcg-trace-common",
    "memcg-trace-ebpf",
    "xtask",
];

const TESTS: &str = "memcg-trace/tests";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Folders as ARCHITECTURE.md lists them, the highest first.
fn order() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let list = text.split("### Order").nth(1).unwrap();
    let list = list.split("```").nth(1).unwrap();
    list.split_whitespace().map(str::to_owned).collect()
}

/// The index of a module in the list. The root and `main` have none: they only tie modules
/// together.
fn place(module: &Module, order: &[String]) -> Option<usize> {
    let whole = module.join("/");
    let is_in = |folder: &&String| whole == **folder || whole.starts_with(&format!("{folder}/"));
    let folder = order.iter().filter(is_in).max_by_key(|folder| folder.len());
    let place = folder.map(|folder| order.iter().position(|one| one == folder).unwrap());
    let is_root = module.is_empty() || whole == "main";
    assert!(
        place.is_some() || is_root,
        "{whole} is in no folder of ARCHITECTURE.md"
    );
    place
}

#[test]
fn a_folder_imports_only_from_those_below_it() {
    let (order, sources) = (order(), sources(&root().join("memcg-trace/src")));
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (module, others) in imports(&sources) {
        let Some(own) = place(module, &order) else {
            continue;
        };
        for other in others {
            seen += 1;
            if place(other, &order).is_some_and(|place| place < own) {
                wrong.push(format!("{} imports {}", module.join("/"), other.join("/")));
            }
        }
    }
    assert!(seen > 500, "{seen} imports were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Imports that are part of a circle.
fn circles(sources: &BTreeMap<Module, Source>) -> Vec<String> {
    let imports = imports(sources);
    let reachable: BTreeMap<_, _> = imports
        .keys()
        .map(|module| (*module, reachable(module, &imports)))
        .collect();
    let mut found = Vec::new();
    for (module, others) in &imports {
        for other in others {
            if reachable[*other].contains(module) {
                let (file, other) = (&sources[*module].file, &sources[*other].file);
                found.push(format!("{file} imports {other}"));
            }
        }
    }
    found
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let root = root();
    let all = PARTS.iter().flat_map(|part| crates(&root.join(part)));
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    // Tests have what several of them need in the file that declares them.
    for folder in all.filter(|folder| !folder.starts_with(root.join(TESTS))) {
        let name = folder.strip_prefix(&root).unwrap().display().to_string();
        let circles = circles(&sources(&folder)).into_iter();
        wrong.extend(circles.map(|circle| format!("{name}: {circle}")));
        seen.insert(name);
    }
    for one in [
        "memcg-trace-ebpf/src",
        "xtask/src",
        "xtask/guest/src/bin/init",
    ] {
        assert!(seen.contains(one), "{one} is not among {seen:?}");
    }
    assert!(wrong.is_empty(), "imports in a circle: {wrong:#?}");
}

#[test]
fn a_circle_by_way_of_a_door_is_found() {
    let source = |file: &str, text: &str| {
        let module = file.split('/').filter(|part| *part != "mod");
        let module: Module = module.map(str::to_owned).collect();
        (module, Source::new(file.to_owned(), text))
    };
    let of = |parts: &str| {
        BTreeMap::from([
            source("door/mod", "mod a;\nmod b;\npub use a::A;\npub use b::B;\n"),
            source("door/a", "use super::B;\nstruct A(B);\n"),
            source("door/b", parts),
            source("c", "use crate::door;\nfn c() { door::A::new() }\n"),
        ])
    };
    assert_eq!(circles(&of("struct B;\n")), [""; 0]);
    let own = ["door/a imports door/b", "door/b imports door/a"];
    assert_eq!(circles(&of("use super::A;\n")), own);
    assert_eq!(circles(&of("fn b() -> crate::door::A {}\n")), own);
    let three = circles(&of("fn b() { crate::c::c() }\n"));
    assert_eq!(three.len(), 3, "{three:?}");
}

#[test]
fn paths_are_read_out_of_nested_imports() {
    let text = "use crate::a::{self, b::{C, d as e}, F};\npub(super) use g::H;\n\
                pub(in crate::i) fn f(x: j::K<L>) -> H { super::m::n(e::o::<P>()) }\n";
    let source = Source::new(String::new(), text);
    let found: Vec<String> = source.paths().iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a",
        "crate::a::b::C",
        "crate::a::b::d",
        "crate::a::F",
        "j::K",
        "g::H",
        "super::m::n",
        "crate::a::b::d::o",
    ];
    assert_eq!(found, expected);
}
