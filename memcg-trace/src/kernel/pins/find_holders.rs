//! The search for holders of the objects that pin.

use super::holder_search::HolderSearch;
use super::holders::{self, Holders};
use super::host::Host;
use super::ledger::Ledger;
use super::ways;
use crate::kernel::debugger::visible_paths::VisiblePaths;

/// Looks for the holders of the objects that pin.
pub(super) fn find_holders(
    host: &Host<'_, '_>,
    paths: &mut VisiblePaths,
    ledger: &mut Ledger,
    holders: &mut Holders,
) {
    let (reader, open) = (host.reader, host.open);
    for thing in ledger.things() {
        holders.want(reader, thing);
    }
    for watches in open.watches() {
        let group = holders::Kind::Watches.at(watches.object);
        holders.add_file(reader, group, watches.file);
    }
    let mut search = HolderSearch {
        reader,
        threads: host.threads,
        open,
        holders,
        paths,
        visited: 0,
    };
    ways::search(&mut search);
    ledger.visited.objects += search.visited;
    holders.count_again(reader);
}
