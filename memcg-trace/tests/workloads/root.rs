//! A folder with state files, as from the root of a host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use memcg_trace::sample::state_files::StateFiles;
use memcg_trace::source::state_files::Reader;
use serde_json::Value;

pub const DEADLINE: Duration = Duration::from_secs(60);

/// A folder of its own.
pub struct Root(PathBuf);

impl Root {
    pub fn new(name: &str) -> Self {
        let folder = format!("{name}-{}", std::process::id());
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    pub fn at(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub fn file(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(path), bytes).unwrap();
    }

    pub fn json(&self, path: &str, value: &Value) {
        self.file(path, value.to_string());
    }

    pub fn reader(&self) -> Reader {
        let mut program = Command::new(env!("CARGO_BIN_EXE_memcg-trace"));
        program.arg("state-files").arg(&self.0).env_clear();
        Reader::start(program, DEADLINE).unwrap()
    }

    pub fn read(&self) -> StateFiles {
        let mut reader = self.reader();
        reader.wait();
        reader.files()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
