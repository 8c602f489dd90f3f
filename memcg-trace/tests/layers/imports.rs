//! Which files of a crate import which.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Module, Source};

/// Modules that each module imports from. What a module re-exports is of the one that defines it.
pub fn imports(sources: &BTreeMap<Module, Source>) -> BTreeMap<&Module, BTreeSet<&Module>> {
    let of = |(module, source)| {
        let paths = Source::paths(source).into_iter();
        let mut found: BTreeSet<_> = paths
            .filter_map(|path| owner(absolute(module, &path, sources)?, sources))
            .collect();
        found.remove(module);
        (module, found)
    };
    sources.iter().map(of).collect()
}

fn absolute(
    module: &Module,
    path: &[String],
    sources: &BTreeMap<Module, Source>,
) -> Option<Module> {
    match path[0].as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "self" => return Some([module, &path[1..]].concat()),
        _ => {}
    }
    let up = path.iter().take_while(|part| *part == "super").count();
    let base = module.get(..module.len().checked_sub(up)?)?;
    let child = [base, &path[..1]].concat();
    (up > 0 || sources.contains_key(&child)).then(|| [base, &path[up..]].concat())
}

/// The module that defines the item a path names; `None` for items of other crates.
fn owner(mut path: Module, sources: &BTreeMap<Module, Source>) -> Option<&Module> {
    loop {
        let lengths = (0..=path.len()).rev();
        let module = lengths
            .map(|length| &path[..length])
            .find_map(|module| sources.get_key_value(module));
        let (module, source) = module?;
        let reexport = path
            .get(module.len())
            .and_then(|name| source.reexports.get(name));
        let Some(reexport) = reexport else {
            return Some(module);
        };
        let rest = path.split_off(module.len() + 1);
        path = absolute(module, reexport, sources)?;
        path.extend(rest);
    }
}

/// Files that each file imports, also by way of others.
pub fn reachable<'a>(
    from: &'a Module,
    imports: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    let mut work = vec![from];
    while let Some(module) = work.pop() {
        work.extend(imports[module].iter().filter(|other| found.insert(**other)));
    }
    found
}
