//! Helpers inside the guest: cgroups, processes in them, the kernel's own figures.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::schemas;

pub const ROOT: &str = "/sys/fs/cgroup";
/// Many times the duration of any step in an emulated guest on a busy machine: if a state never
/// comes, the test fails late, but never wrongly.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// Asks again until there is an answer; the last error is the reason of a failure.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begin = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(why) if begin.elapsed() > DEADLINE => panic!("{what}: {why}"),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// The duration of storms in a long run; `None` in a short one.
pub fn long_storm() -> Option<Duration> {
    let line = fs::read_to_string("/proc/cmdline").unwrap();
    let mut words = line.split_whitespace();
    let seconds = words.find_map(|word| word.strip_prefix("storm_s="))?;
    Some(Duration::from_secs(seconds.parse().unwrap()))
}

/// CLOCK_MONOTONIC, the clock of records.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap()
}

/// `5.10`, `6.1`, … as numbers.
pub fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut parts = release
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap(), parts.next().unwrap())
}

/// Returns whether the kernel has a function; a function that is inlined everywhere is absent.
pub fn has_function(name: &str) -> bool {
    static NAMES: OnceLock<HashSet<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let text = fs::read_to_string("/proc/kallsyms").unwrap();
        let names = text
            .lines()
            .filter_map(|line| line.split([' ', '\t']).nth(2));
        names.map(str::to_owned).collect()
    });
    names.contains(name)
}

/// Whether a dead memcg's pages become its parent's (mm/memcontrol.c: memcg_reparent_objcgs()), so
/// that they pin nothing.
pub fn reparents_pages() -> bool {
    has_function("lru_reparent_memcg")
}

/// Whether kernel memory that is no slab pins its memcg: before it was charged to object cgroups
/// (mm/memcontrol.c, 5.12).
pub fn kmem_pins() -> bool {
    !has_function("obj_cgroup_uncharge_pages")
}

/// A cgroup, removed with its last clone if it is empty by then.
pub struct Cgroup {
    below_root: PathBuf,
    /// The number of times that every CPU has charged it.
    charges: AtomicU32,
}

impl Cgroup {
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        Self::make(Path::new(name.as_ref()).to_owned())
    }

    fn make(below_root: PathBuf) -> Self {
        warm_up_schemas();
        let cgroup = Self {
            below_root,
            charges: AtomicU32::new(0),
        };
        let dir = cgroup.dir();
        fs::create_dir(&dir).unwrap_or_else(|error| panic!("mkdir {}: {error}", dir.display()));
        cgroup
    }

    /// Makes a cgroup below this one, with a memory controller.
    pub fn child(&self, name: &str) -> Self {
        self.set("cgroup.subtree_control", "+memory");
        Self::make(self.below_root.join(name))
    }

    pub fn dir(&self) -> PathBuf {
        Path::new(ROOT).join(&self.below_root)
    }

    /// The path as records have it.
    pub fn path(&self) -> String {
        format!("/{}", self.below_root.display())
    }

    /// The cgroup with those that `use_every_cpu` charges besides this one.
    fn company(&self) -> PathBuf {
        let mut name = self.dir().into_os_string();
        name.push("-company");
        name.into()
    }

    /// The directory's inode.
    pub fn id(&self) -> u64 {
        self.dir().metadata().unwrap().ino()
    }

    pub fn set(&self, file: &str, value: &str) {
        let path = self.dir().join(file);
        fs::write(&path, value)
            .unwrap_or_else(|error| panic!("echo {value} > {}: {error}", path.display()));
    }

    pub fn get(&self, file: &str) -> String {
        let path = self.dir().join(file);
        let text = fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A figure in a file of `key value` lines.
    pub fn stat(&self, file: &str, key: &str) -> Option<u64> {
        figure(&self.get(file), key)
    }

    /// Runs `make` with this process inside the cgroup, so that what it makes is charged there.
    pub fn inside<T>(&self, make: impl FnOnce() -> T) -> T {
        // Opened from outside, so that little else is charged.
        let [mut enter, mut leave] = [self.dir(), ROOT.into()].map(|dir| {
            let file = dir.join("cgroup.procs");
            File::options().write(true).open(file).unwrap()
        });
        warm_up();
        thread::spawn(warm_up).join().unwrap();
        let inside = outside();
        enter.write_all(b"0").unwrap();
        let made = make();
        leave.write_all(b"0").unwrap();
        drop(inside);
        made
    }

    /// Starts a shell script in the cgroup. `$1` and so on are the arguments.
    pub fn start(&self, script: &str, args: &[&str]) -> Process {
        let script = format!("echo 0 > \"$0\"/cgroup.procs || exit 99\n{script}");
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(script)
            .arg(self.dir())
            .args(args)
            .stdin(Stdio::null())
            .spawn();
        Process(child.unwrap())
    }

    /// Runs a script to its end.
    pub fn run(&self, script: &str, args: &[&str]) {
        let status = self.start(script, args).0.wait().unwrap();
        assert!(status.success(), "{script}: {status}");
    }

    /// Removes the cgroup, once its processes are gone.
    pub fn remove(&self) {
        eventually("rmdir", || {
            fs::remove_dir(self.dir()).map_err(|error| format!("{}: {error}", self.path()))
        });
    }

    /// Starts a process that opens a socket while in the cgroup, and may have left since.
    pub fn socket(&self) -> Process {
        static PORT: AtomicU16 = AtomicU16::new(20_000);
        let port = PORT.fetch_add(1, Ordering::SeqCst).to_string();
        let holder = self.start("exec nc -l -p \"$1\"", &[&port]);
        let fds = format!("/proc/{}/fd", holder.0.id());
        eventually("a socket", || {
            let has_one = fs::read_dir(&fds)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|fd| fs::read_link(fd.path()).ok())
                .any(|link| link.as_os_str().as_bytes().starts_with(b"socket:"));
            if has_one { Ok(()) } else { Err(fds.clone()) }
        });
        holder
    }

    /// Removes the cgroup while a socket that was opened in it is kept: on every kernel that pins
    /// it.
    pub fn into_zombie(self) -> Process {
        let holder = self.socket();
        holder.leave();
        self.remove();
        holder
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.dir());
        let company = self.company();
        if company.exists() {
            for number in 0..COMPANY {
                fs::remove_dir(company.join(number.to_string())).unwrap();
            }
            fs::remove_dir(company).unwrap();
        }
    }
}

/// Taken while this process is in a cgroup of a test.
static INSIDE: Mutex<()> = Mutex::new(());

/// Waits until this process is in no cgroup of a test, and keeps it so: a thread that takes memory
/// meanwhile would take it from that cgroup. Nothing that blocks may be done with it.
pub fn outside() -> MutexGuard<'static, ()> {
    INSIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks a first record. Regular expressions have a place for each CPU, whose number the standard
/// library reads from files of cgroups: it would wait for a lock there while a test has that.
fn warm_up_schemas() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| assert!(schemas::check("memcg", &Value::Null).is_err()));
}

/// Touches memory of this process, so that a cgroup that the process enters is not charged for it.
/// A thread gets the stack and the heap of a thread that has ended.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The variables of the program.
        mlockall(MlockAllFlags::CURRENT).unwrap();
        munlockall().unwrap();
        // khugepaged may make huge pages of this process' memory at any time, and charges them to
        // the cgroup of the process at that moment.
        let khugepaged = Path::new("/sys/kernel/mm/transparent_hugepage/khugepaged");
        if khugepaged.exists() {
            fs::write(khugepaged.join("scan_sleep_millisecs"), "1000000000").unwrap();
            fs::write(khugepaged.join("pages_to_scan"), "1").unwrap();
        }
    });
    std::hint::black_box([1_u8; 64 << 10]);
    // Less than the size from which the allocator returns memory.
    std::hint::black_box(vec![1_u8; 96 << 10]);
}

/// More than twice the number of memcgs that a CPU keeps stocks of (`NR_MEMCG_STOCK`, 7 since 6.16).
const COMPANY: usize = 16;

/// Moves the shell through the cgroups below a folder. A fork charges the cgroup of the shell.
const CHARGE_EACH: &str = "for folder in \"$0\"/*/; do
	echo 0 >\"$folder\"/cgroup.procs
	(:)
done";

/// A CPU that uncharged something keeps a little of it for the same memcg, with a reference, until
/// it charges another memcg: so this charges another one, which lives on. A CPU that keeps stocks
/// of several memcgs need not give up the right one then: a test that keeps asking gets many
/// others charged, one of which makes the CPU give up any of its stocks.
pub fn use_every_cpu(other: &Cgroup) {
    other.run("taskset 1 true; taskset 2 true", &[]);
    if other.charges.fetch_add(1, Ordering::Relaxed) < 20 {
        return;
    }
    let company = other.company();
    if !company.exists() {
        fs::create_dir(&company).unwrap();
        fs::write(company.join("cgroup.subtree_control"), "+memory").unwrap();
        for number in 0..COMPANY {
            fs::create_dir(company.join(number.to_string())).unwrap();
        }
    }
    for cpu in ["1", "2"] {
        let mut shell = Command::new("taskset");
        shell.args([cpu, "sh", "-c", CHARGE_EACH]).arg(&company);
        assert!(shell.status().unwrap().success());
    }
}

/// A child process, killed when dropped.
pub struct Process(pub Child);

impl Process {
    /// Moves the process to the root cgroup.
    pub fn leave(&self) {
        fs::write(format!("{ROOT}/cgroup.procs"), self.0.id().to_string()).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn figure(text: &str, key: &str) -> Option<u64> {
    let rest = |line: &str| Some(line.strip_prefix(key)?.strip_prefix(' ')?.parse().unwrap());
    text.lines().find_map(rest)
}

/// A figure of the root's `cgroup.stat`.
pub fn root_stat(key: &str) -> Option<u64> {
    figure(
        &fs::read_to_string(format!("{ROOT}/cgroup.stat")).unwrap(),
        key,
    )
}

/// Paths, as records have them, of all cgroups with a memory controller.
pub fn memcgs() -> Vec<String> {
    fn look(dir: &Path, found: &mut Vec<String>) {
        let path = dir.strip_prefix(ROOT).unwrap();
        // The root has no such file, but is a memcg.
        if path.as_os_str().is_empty() || dir.join("memory.current").exists() {
            found.push(format!("/{}", path.display()));
        }
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                look(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    look(Path::new(ROOT), &mut found);
    found.sort();
    found
}

/// Number of directories of the cgroup file system.
pub fn directories() -> usize {
    fn count(dir: &Path) -> usize {
        let below = fs::read_dir(dir).unwrap().flatten();
        let below = below.filter(|entry| entry.file_type().unwrap().is_dir());
        1 + below.map(|entry| count(&entry.path())).sum::<usize>()
    }
    count(Path::new(ROOT))
}

/// A new directory on a tmpfs, removed with its contents.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new("/tmp").join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
