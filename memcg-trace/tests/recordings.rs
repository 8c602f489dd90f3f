//! Recordings of real kernels, in `tests/recordings`: whatever version wrote them, this one
//! reads them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use memcg_trace::model::Model;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::recording::Reader;

#[test]
fn every_recording_is_read_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut kernels = Vec::new();
    for path in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.extension().is_none_or(|extension| extension != "rec") {
            continue;
        }
        let shown = path.display();
        let mut reader = Reader::open(BufReader::new(File::open(&path).unwrap())).unwrap();
        let kernel = reader.header().host.kernel.display().into_owned();
        let mut records = Ndjson::new(Vec::new(), reader.header().host.clone());
        let mut model = Model::new();
        let mut last = None;
        while let Some(sample) = reader.read_sample().unwrap() {
            let snapshot = model.step(&sample);
            records.write(&snapshot).unwrap();
            last = Some(snapshot);
        }
        assert!(!reader.is_cut(), "{shown} is cut off");
        let last = last.unwrap();
        println!(
            "{shown}: kernel {kernel}, {} frames, {:?}",
            last.frame + 1,
            last.totals
        );
        assert!(
            last.totals.memcgs.is_some_and(|memcgs| memcgs > 0),
            "{shown} has no memcgs"
        );
        let root = &last.memcgs.items[0];
        assert_eq!(root.id.path.as_bytes(), b"/", "{shown}");
        assert_eq!(Some(root.zombies), last.totals.zombies, "{shown}");
        kernels.push(kernel);
    }
    for series in ["5.10.", "6.1.", "6.12.", "7.2."] {
        assert!(
            kernels.iter().any(|kernel| kernel.starts_with(series)),
            "no recording of {series}x among {kernels:?}"
        );
    }
}
