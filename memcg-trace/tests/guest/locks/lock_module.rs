//! Tasks that take the locks of the test module (`xtask/guest/module/locks.c`), one after the
//! other, on command.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use super::coredump::stack;
use crate::host::{Process, eventually};

const MODULE: &str = "/bin/locks.ko";
/// Writing a lock's name here takes the lock.
pub const FILE: &str = "/proc/locks_to_take";

/// Writes in its own task each word that it reads, and reports when that is done.
const SCRIPT: &str = "exec 3>/proc/locks_to_take
while read word; do
	case $word in
	sleep) echo done; exec sleep 1000000 ;;
	spin) echo done; while :; do :; done ;;
	grow) echo done; x=0123456789abcdef; while :; do x=$x$x; done ;;
	/*) echo x >$word; echo done ;;
	*) echo $word >&3; echo done ;;
	esac
done";

/// Whether xtask has built the module for this kernel.
pub fn is_built() -> bool {
    Path::new(MODULE).exists()
}

/// Loads the module, if it is not there yet.
pub fn load() {
    if !Path::new(FILE).exists() {
        let loaded = Command::new("insmod").arg(MODULE).status().unwrap();
        assert!(loaded.success(), "{loaded}");
    }
}

/// A process of one task, which keeps its locks until it is dropped.
pub struct Taker {
    pub process: Process,
    words: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Taker {
    /// Starts a taker and has it take these locks.
    pub fn with(words: &[&str]) -> Self {
        load();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (words_to, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut taker = Self {
            process: Process(child),
            words: words_to,
            answers: BufReader::new(answers),
        };
        for word in words {
            taker.take(word);
        }
        taker
    }

    pub fn tid(&self) -> u32 {
        self.process.0.id()
    }

    /// Sends the taker one word.
    pub fn tell(&mut self, word: &str) {
        writeln!(self.words, "{word}").unwrap();
    }

    /// Takes one lock, and returns when the taker has it.
    pub fn take(&mut self, word: &str) {
        self.tell(word);
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{word}");
    }

    /// Makes the taker run in user space from now on.
    pub fn spin(&mut self) {
        self.take("spin");
    }

    /// Starts to take a lock, or to write to a pipe, and waits until the taker is stuck there.
    pub fn want(&mut self, word: &str) {
        self.tell(word);
        eventually("a taker is stuck", || {
            let stack = stack(self.tid());
            let known = ["locks_write", "pipe_write"];
            if known.iter().any(|function| stack.contains(function)) {
                Ok(())
            } else {
                Err(stack)
            }
        });
    }
}
