//! The plugin of node-problem-detector, run as node-problem-detector runs its plugins
//! (pkg/custompluginmonitor/plugin/plugin.go): in a process group of its own, with a pipe for each
//! output that is read to its end, and killed as a group after the rule's time.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

const PLUGIN: &str = include_str!("../../../contrib/npd/memcg-trace.sh");
const MONITOR: &str = include_str!("../../../contrib/npd/memcg-trace-monitor.json");
/// How long a process may be in D, without running in between, to count as one that is stuck there.
const STUCK: Duration = Duration::from_secs(2);

/// The facts that node-problem-detector would know after a run.
#[derive(Debug)]
pub struct Answer {
    pub code: Option<i32>,
    pub said: String,
    /// It had to be killed.
    pub was_killed: bool,
}

/// Puts the plugin where a rule of the monitor expects it, and returns that rule for a condition.
fn rule(condition: &str) -> Value {
    let monitor: Value = serde_json::from_str(MONITOR).unwrap();
    let rules = monitor["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["condition"] == condition);
    let rule = rule.unwrap().clone();
    let path = rule["path"].as_str().unwrap();
    let (folder, _) = path.rsplit_once('/').unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(path, PLUGIN).unwrap();
    rule
}

/// Runs the rule of a condition. The rule's times are those of a host at the usual speed: an
/// emulated guest has `slower` times as much.
pub fn ask(condition: &str, slower: u64) -> Answer {
    let rule = rule(condition);
    let args = rule["args"].as_array().unwrap();
    let of = |text: &str| text.trim_end_matches('s').parse::<u64>().unwrap() * slower;
    let own = of(args[1].as_str().unwrap()).to_string();
    let limit = Duration::from_secs(of(rule["timeout"].as_str().unwrap()));
    let mut plugin = Command::new("/bin/sh");
    plugin
        .arg(rule["path"].as_str().unwrap())
        .args([args[0].as_str().unwrap(), &own])
        .env("MEMCG_TRACE_NPD", "/tmp/npd")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut plugin = plugin.process_group(0).spawn().unwrap();
    let pid = plugin.id();
    let [mut out, mut err] = [String::new(), String::new()];
    let (mut stdout, mut stderr) = (plugin.stdout.take().unwrap(), plugin.stderr.take().unwrap());
    let has_ended = AtomicBool::new(false);
    let was_killed = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| watch(pid, &has_ended));
        scope.spawn(|| {
            let end = Instant::now() + limit;
            while !has_ended.load(Ordering::SeqCst) {
                if Instant::now() > end && !was_killed.swap(true, Ordering::SeqCst) {
                    let group = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                    let _ = kill_process_group(group, Signal::KILL);
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        // What holds one of these open holds up all other plugins.
        stdout.read_to_string(&mut out).unwrap();
        stderr.read_to_string(&mut err).unwrap();
        plugin.wait().unwrap();
        has_ended.store(true, Ordering::SeqCst);
    });
    let code = plugin.wait().unwrap().code();
    let folder = Path::new(rule["path"].as_str().unwrap()).ancestors().nth(2);
    fs::remove_dir_all(folder.unwrap()).unwrap();
    assert_eq!(err, "", "nothing is on standard error");
    println!("plugin: {code:?} {}", out.trim_end());
    Answer {
        code,
        said: out,
        was_killed: was_killed.into_inner(),
    }
}

impl Answer {
    /// Asserts what the contract asks for in any case: one line that is not cut, one of the three
    /// exit codes, and an end by itself.
    pub fn keeps_the_contract(&self) {
        assert!(!self.was_killed, "{self:?}");
        assert_eq!(self.said.lines().count(), 1, "{self:?}");
        let monitor: Value = serde_json::from_str(MONITOR).unwrap();
        let longest = monitor["pluginConfig"]["max_output_length"].as_u64();
        assert!(
            Some(self.said.trim_end().len() as u64) <= longest,
            "{self:?}"
        );
        assert!(matches!(self.code, Some(0..=2)), "{self:?}");
    }
}

/// Watches whether a process is ever stuck in D. A sleep that ends by itself, such as one until a
/// child has started its program, is none.
fn watch(pid: u32, has_ended: &AtomicBool) {
    let (mut samples, mut asleep) = (0_u32, 0_u32);
    let mut since: Option<(Instant, String)> = None;
    while !has_ended.load(Ordering::SeqCst) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        samples += 1;
        if field("State:").is_some_and(|state| state.trim_start().starts_with('D')) {
            asleep += 1;
            let switches = field("voluntary_ctxt_switches:").unwrap_or_default();
            match &since {
                Some((begin, before)) if before == switches => {
                    let stack = fs::read_to_string(format!("/proc/{pid}/stack"));
                    assert!(begin.elapsed() < STUCK, "the plugin is in D: {stack:?}");
                }
                _ => since = Some((Instant::now(), switches.to_owned())),
            }
        } else {
            since = None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    println!("plugin: seen {samples} times, {asleep} of them in D for a moment");
}
