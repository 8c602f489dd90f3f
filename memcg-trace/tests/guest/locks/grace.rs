//! Grace periods of SRCU, whose readers nothing records, and of RCU tasks, which waits for tasks
//! that run in the kernel.

use std::fs;

use serde_json::Value;

use super::lock_module::{self, Taker};
use super::look;
use crate::host::{eventually, has_function};
use crate::tool;

fn open_end(data: &Value, waiter: u32) -> &Value {
    let mut items = data["items"].as_array().unwrap().iter();
    let end = items.find(|item| item["waiter"]["tid"] == waiter);
    end.unwrap_or_else(|| panic!("{data:#}"))
}

/// A reader of SRCU may sleep. The domain counts it, and does not know it.
#[test]
fn a_reader_of_srcu() {
    assert!(lock_module::is_built(), "xtask runs this with modules only");
    let reader = Taker::with(&["s0"]);
    let mut waiter = Taker::with(&[]);
    waiter.want("x0");
    let (data, code) = look::asked("undecided");
    assert_eq!(code, Some(5));
    let end = open_end(&data, waiter.tid());
    assert_eq!(end["resource"]["name"], "SRCU domain");
    let why = "1 task is in it, and SRCU does not record which";
    assert_eq!(end["why"], why);
    if let Some(script) = tool::without_type("srcu_data") {
        let why = look::undecided_without(&script);
        assert!(look::is_unread(&why), "{why:?}");
    }
    drop(reader);
    assert_eq!(look::asked("no_deadlock").1, Some(0));
    drop(waiter);
}

/// Ticks that a process has run in the kernel.
fn kernel_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The 15th field; the second one, the name, ends with a parenthesis.
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks = fields.split_whitespace().nth(12).unwrap();
    ticks.parse().unwrap()
}

/// A task that runs in the kernel and gives its CPU away only when it has to.
#[test]
fn a_task_that_holds_rcu_tasks_up() {
    if !has_function("call_rcu_tasks") {
        println!("skipped: this kernel has no such grace periods");
        return;
    }
    let mut runner = Taker::with(&[]);
    let before = kernel_ticks(runner.tid());
    runner.tell("j0");
    // A grace period that begins earlier waits for nothing.
    eventually("it runs in the kernel", || {
        let ticks = kernel_ticks(runner.tid()) - before;
        match ticks {
            0..10 => Err(format!("{ticks} ticks")),
            _ => Ok(()),
        }
    });
    let mut waiter = Taker::with(&[]);
    waiter.want("t0");
    let behind = eventually("a convoy behind it", || {
        let (data, _) = look::answer(&["--min-wait", "10ms"]);
        let items = data["items"].as_array().unwrap();
        let mut convoys = items.iter().filter(|item| item["type"] == "convoy");
        let convoy = convoys.find(|one| one["root"]["tid"] == runner.tid());
        convoy.cloned().ok_or_else(|| format!("{data:#}"))
    });
    println!("{behind:#}");
    assert_eq!(behind["resource"]["name"], "RCU tasks");
    // Without the function it is not known which tasks the variant waits for.
    let why = look::undecided_without(&tool::without_symbols(&["call_rcu_tasks"]));
    let unknown = "which tasks a variant of RCU tasks waits for is not known";
    assert!(why.contains(&unknown.to_owned()), "{why:?}");
    drop((runner, waiter));
}
