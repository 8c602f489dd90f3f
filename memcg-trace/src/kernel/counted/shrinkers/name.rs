//! Names of shrinkers.

use memcg_trace_common::shrinker::ShrinkerRow;

use crate::kernel::host::symbols::Names;
use crate::sample::Text;

/// A name made up for a shrinker, which has none of its own.
pub(super) struct ShrinkerName {
    pub(super) name: Option<String>,
    pub(super) fs: Option<Text>,
    pub(super) dev: Option<String>,
}
pub(super) fn name(names: &Names, row: Option<&ShrinkerRow>) -> ShrinkerName {
    let fs = row
        .map(|row| Text::from_c(&row.fs))
        .filter(|fs| !fs.is_empty());
    let known = row.filter(|row| row.scan_objects != 0);
    // include/linux/kdev_t.h: MAJOR() and MINOR().
    let dev = |row: &ShrinkerRow| format!("{}:{}", row.dev >> 20, row.dev & 0xf_ffff);
    ShrinkerName {
        name: known
            .and_then(|row| names.get(row.scan_objects))
            .map(str::to_owned),
        dev: fs.is_some().then_some(row).flatten().map(dev),
        fs,
    }
}
