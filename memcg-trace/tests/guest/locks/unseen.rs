//! A memory block that goes offline by a task that is not seen to move pages: its wait is unknown,
//! and so is whether that ends.

use std::fs;
use std::process::Command;

use super::coredump::spare_blocks;
use super::lock_module::Taker;
use super::look;
use crate::host::{Process, eventually};

#[test]
fn a_task_that_is_not_seen_to_move_pages() {
    let block = spare_blocks().swap_remove(0).join("state");
    let state = || fs::read_to_string(&block).unwrap();
    let keeper = Taker::with(&["o0"]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo offline >$0"]).arg(&block);
    let mut offliner = Process(command.spawn().unwrap());
    eventually("memory that goes offline", || {
        let state = state();
        match state.trim() == "going-offline" {
            true => Ok(()),
            false => Err(state),
        }
    });
    let (data, code) = look::asked("undecided");
    assert_eq!(code, Some(5));
    let mut items = data["items"].as_array().unwrap().iter();
    let end = items.find(|item| item["type"] == "open_end").unwrap();
    assert_eq!(end["waiter"]["tid"], offliner.0.id());
    assert_eq!(end["why"], "which pages it tries to move was not seen");

    drop(keeper);
    let _ = offliner.0.wait().unwrap();
    if state().trim() == "offline" {
        fs::write(&block, "online_movable").unwrap();
    }
    assert_eq!(look::asked("no_deadlock").1, Some(0));
}
