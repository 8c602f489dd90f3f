//! Waits inside processes: execve(2) and core dumps end all other threads, and wait for a thread
//! that cannot end before them.
#![expect(
    unsafe_code,
    reason = "fork(2) and ptrace(2) have no safe face; a tracer of one thread has nobody else to \
              reap for it"
)]

use std::fs;
use std::ptr;
use std::thread;
use std::time::Duration;

use memcg_trace::sample::ResourceKind;
use memcg_trace::sample::waits::TaskScan;

use super::coredump::stack;
use super::fuse::{self, Server};
use super::look;
use super::servers::{assert_deadlock, stops};
use crate::host::{Folder, eventually};

/// Where execve(2) waits for the other threads of its process.
const EXEC: &[&str] = &["de_thread", "begin_new_exec"];

/// A process of one thread, until it makes more.
struct Forked(i32);

impl Forked {
    fn new(work: impl FnOnce()) -> Self {
        // SAFETY: the C library makes its own locks anew in the child, which takes no others: their
        // owners do not exist there.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            work();
            // SAFETY: _exit does not return.
            unsafe { libc::_exit(0) };
        }
        assert!(pid > 0, "{}", std::io::Error::last_os_error());
        Self(pid)
    }

    fn pid(&self) -> u32 {
        self.0.cast_unsigned()
    }

    fn has_ended(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0));
        status.is_ok_and(|status| status.contains("State:\tZ"))
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        // SAFETY: it is our child, and was not waited for.
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, ptr::null_mut(), 0);
        }
    }
}

/// The one child of a process.
fn child(of: &Forked) -> u32 {
    eventually("a child", || {
        let path = format!("/proc/{0}/task/{0}/children", of.0);
        let children = fs::read_to_string(path).unwrap_or_default();
        children.trim().parse().map_err(|_| children)
    })
}

/// The one thread of a process that is not its leader.
fn other_thread(pid: u32) -> u32 {
    eventually("another thread", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).map_err(|why| why.to_string())?;
        let names = threads.flatten().map(|thread| thread.file_name());
        let tids = names.filter_map(|name| name.to_str()?.parse::<u32>().ok());
        let others: Vec<u32> = tids.filter(|tid| *tid != pid).collect();
        match others[..] {
            [one] => Ok(one),
            _ => Err(format!("{others:?}")),
        }
    })
}

fn ptrace(request: libc::c_uint, pid: i32) {
    // SAFETY: these requests ignore both pointers.
    unsafe { libc::ptrace(request, pid, ptr::null_mut::<()>(), ptr::null_mut::<()>()) };
}

/// Ends a traced thread; only its tracer can reap it, so that execve(2) waits.
fn end_a_traced_thread() {
    let thread = thread::spawn(|| ptrace(libc::PTRACE_TRACEME, 0));
    thread.join().unwrap();
    let program = c"/bin/true";
    // SAFETY: both threads end properly.
    unsafe {
        libc::execl(
            program.as_ptr(),
            program.as_ptr(),
            ptr::null::<libc::c_char>(),
        )
    };
}

/// Attaches to the process of a thread that the caller has to reap, with or without another thread.
fn trace(has_another_thread: bool) {
    // SAFETY: the child runs as a process of its own, as we do.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        end_a_traced_thread();
        return;
    }
    if has_another_thread {
        thread::spawn(|| thread::sleep(Duration::MAX));
    }
    stops(pid.cast_unsigned(), EXEC);
    ptrace(libc::PTRACE_ATTACH, pid);
}

/// A tracer that waits for the exec that waits for it; `None` where the kernel prevents that.
fn tracer(has_another_thread: bool) -> Option<(Forked, u32)> {
    let tracer = Forked::new(|| trace(has_another_thread));
    let traced = child(&tracer);
    let is_stuck = eventually("a tracer that is stuck, or over", || {
        let stack = stack(tracer.pid());
        match (stack.contains("ptrace_attach"), tracer.has_ended()) {
            (false, false) => Err(stack),
            (is_stuck, _) => Ok(is_stuck),
        }
    });
    is_stuck.then_some((tracer, traced))
}

fn tids(look: &TaskScan, of: u32) -> (ResourceKind, Vec<u32>) {
    let (_, resource, holders) = look::wait_of(look, of);
    assert_eq!(resource.incomplete, None);
    (resource.kind, holders.iter().map(|task| task.tid).collect())
}

/// The tracer wants `cred_guard_mutex`, which a task in execve(2) holds until its other threads are
/// gone; and one of those exists until its tracer reaps it.
#[test]
fn a_tracer_that_attaches_to_whom_it_has_to_reap() {
    let Some((tracer, traced)) = tracer(false) else {
        println!("skipped: this kernel does not let a tracer wait there");
        return;
    };
    let ended = other_thread(traced);
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    look::show(last);
    let (_, guard, _) = look::wait_of(last, tracer.pid());
    let name = guard.name.as_deref();
    assert_eq!(name, Some("signal_struct.cred_guard_mutex"));
    assert_eq!(
        tids(last, tracer.pid()),
        (ResourceKind::Mutex, vec![traced])
    );
    assert_eq!(tids(last, traced), (ResourceKind::Threads, vec![ended]));
    assert_eq!(tids(last, ended), (ResourceKind::Reap, vec![tracer.pid()]));
    assert_deadlock(&[tracer.pid(), traced, ended]);
    drop(tracer);

    // Any thread of the tracer may reap the traced one.
    let (tracer, traced) = self::tracer(true).unwrap();
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    let (kind, reapers) = tids(last, other_thread(traced));
    assert_eq!((kind, reapers.len()), (ResourceKind::Reap, 2));
    assert_eq!(look::asked("no_deadlock").1, Some(0));
    drop(tracer);
}

/// A core dump waits for the other threads to stop, and one of them waits for the dumper's answer.
#[test]
fn a_server_that_dumps_core_with_a_client_in_its_process() {
    let folder = Folder::new("dumped");
    let path = folder.path().to_owned();
    let made = folder.file("made");
    let server = Forked::new(move || {
        let server = Server::at(&path);
        thread::spawn(move || fs::create_dir(made));
        // SAFETY: nothing is left to clean up.
        server.serve(|| unsafe { libc::abort() });
    });
    stops(server.pid(), &["coredump"]);
    let client = other_thread(server.pid());
    stops(client, &["request_wait_answer", "fuse_"]);
    let waits = look::ask();
    let last = waits.looks.last().unwrap();
    look::show(last);
    assert_eq!(
        tids(last, server.pid()),
        (ResourceKind::Threads, vec![client])
    );
    assert_eq!(tids(last, client), (ResourceKind::Fuse, vec![server.pid()]));
    assert_deadlock(&[server.pid(), client]);
    fuse::abort(folder.path());
    drop(server);
}
