//! The dashboard at the end of a recording, without a terminal.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use memcg_trace::model::Model;
use memcg_trace::sample::recording::Reader;
use memcg_trace::tui::{App, Setup};

pub fn replayed(path: &Path) -> App {
    let mut reader = Reader::open(BufReader::new(File::open(path).unwrap())).unwrap();
    let mut app = App::new(Setup {
        host: reader.header().host.clone(),
        is_replay: true,
        colour: false,
    });
    let mut model = Model::new();
    while let Some(sample) = reader.read_sample().unwrap() {
        app.take(model.step(&sample));
    }
    app.end();
    app
}
