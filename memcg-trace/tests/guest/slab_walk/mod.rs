//! The walk of all slabs: known objects in known cgroups, to the object, and pages that match the
//! kernel's figures of its caches.

mod inside;
mod pages;
pub mod walk;

use std::fs;
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;

use crate::contract::Document;
use crate::host::{Cgroup, Folder, eventually, has_function, kmem_pins, reparents_pages};
use crate::tool;
use walk::{DENTRIES, INODES, NAMES, PAGE_BYTES, Walk, make_files, name, number};

/// 1,000 files are 1,000 inodes, 1,000 dentries and 1,000 names, and no other objects: the folder
/// was made outside.
#[test]
fn a_walk_sees_files_to_the_object() {
    let folder = Folder::new("walked-files");
    let cgroup = Cgroup::new("walked-files");
    make_files(&cgroup, &folder, 0..1000);
    let walk = Walk::new();
    println!("{:?}", walk.of(&cgroup.path()));
    for cache in [INODES, DENTRIES, NAMES] {
        assert_eq!(walk.objects(&cgroup.path(), cache), 1000, "{cache}");
    }
    for file in 0..1000 {
        fs::remove_file(name(&folder, file)).unwrap();
    }
    // The objects are freed after a grace period.
    eventually("freed", || {
        let walk = Walk::new();
        match walk.objects(&cgroup.path(), INODES) {
            0 => Ok(()),
            objects => Err(format!("{objects} inodes are left")),
        }
    });
}

/// Pipes and sockets have no name in any directory: each is an inode, a dentry, and a file for each
/// end. Further objects: the kmalloc memory of a pipe and of a table of descriptors, and the
/// sockets themselves, whose cache may be one that the kernel merged with another.
#[test]
fn a_walk_sees_pipes_and_sockets_to_the_object() {
    const PIPES: u64 = 30;
    const PAIRS: u64 = 20;
    let cgroup = Cgroup::new("walked-fds");
    let made = cgroup.inside(|| {
        let pipes: Vec<_> = (0..PIPES).map(|_| io::pipe().unwrap()).collect();
        let pairs: Vec<_> = (0..PAIRS).map(|_| UnixDatagram::pair().unwrap()).collect();
        (pipes, pairs)
    });
    let walk = Walk::new();
    println!("{:?}", walk.of(&cgroup.path()));
    for (cache, objects) in [
        ("inode_cache", PIPES),
        ("sock_inode_cache", 2 * PAIRS),
        (DENTRIES, PIPES + 2 * PAIRS),
        ("filp", 2 * PIPES + 2 * PAIRS),
    ] {
        assert_eq!(walk.objects(&cgroup.path(), cache), objects, "{cache}");
    }
    // The kernel merges caches of similar objects: each of their names selects the merged cache.
    let output = tool::run(&["slab", "--json", "--cache", "UNIX"]);
    let merged = Walk(Document::parse(tool::stdout(&output)));
    let rows: Vec<_> = merged.rows(&cgroup.path()).collect();
    println!("UNIX: {rows:?}");
    assert_eq!(rows.len(), 1);
    assert_eq!(number(rows[0], "objects"), 2 * PAIRS);
    drop(made);
}

/// A listening socket, and connections to it with both of their ends.
///
/// An accepted socket is made in an interrupt, which charges nobody. Since 6.12 it is charged on
/// accept (net/ipv4/inet_connection_sock.c: kmem_cache_charge()): the walk has it then, and events
/// do not, as `doctor` says.
pub fn connections(count: u64) -> impl Sized {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connected = (0..count).map(|_| {
        let here = TcpStream::connect(address).unwrap();
        (here, listener.accept().unwrap())
    });
    let connected: Vec<_> = connected.collect();
    (listener, connected)
}

#[test]
fn sockets_accepted_are_charged_later() {
    const CONNECTIONS: u64 = 20;
    let cgroup = Cgroup::new("walked-accepted");
    // Once from outside, so that a slab is there.
    drop(TcpListener::bind("127.0.0.1:0").unwrap());
    let made = cgroup.inside(|| connections(CONNECTIONS));
    let output = tool::run(&["slab", "--json", "--cache", "TCP"]);
    let walk = Walk(Document::parse(tool::stdout(&output)));
    let objects = walk.objects(&cgroup.path(), "TCP");
    let accepted = match has_function("kmem_cache_charge") {
        true => CONNECTIONS,
        false => 0,
    };
    println!("{objects} sockets, {accepted} of them charged when they were accepted");
    assert_eq!(objects, 1 + CONNECTIONS + accepted);
    let said = tool::run(&["doctor"]);
    let said = tool::stdout(&said);
    for part in ["kmem_cache_alloc_bulk", "kmem_cache_charge"] {
        assert!(said.contains(part), "{part} is not named: {said}");
    }
    drop(made);
}

/// Objects outlive their cgroups: then they are an ancestor's, and count as inherited.
#[test]
fn what_the_dead_left_is_inherited() {
    let folder = Folder::new("walked-heirs");
    let top = Cgroup::new("walked-heirs");
    let middle = top.child("middle");
    make_files(&middle, &folder, 700..1000);
    let leaf = middle.child("leaf");
    make_files(&leaf, &folder, 0..700);
    // Pages of a file, and kernel pages.
    let big = folder.file("big");
    let (pages, mut pipe) = (vec![1; 50 * 4096], io::pipe().unwrap());
    leaf.inside(|| {
        fs::write(&big, &pages).unwrap();
        pipe.1.write_all(&pages[..10 * 4096]).unwrap();
    });
    let walk = Walk::new();
    // The big file is a file too.
    for (cgroup, objects) in [(&leaf, 701), (&middle, 300)] {
        assert_eq!(walk.objects(&cgroup.path(), INODES), objects);
        assert_eq!(walk.inherited(&cgroup.path()), None);
    }
    leaf.remove();
    assert_inherited(&middle, 1001, 701);
    middle.remove();
    assert_inherited(&top, 1001, 1001);
    top.remove();
    // Objects of the root are charged to no memcg any more, and still visible.
    let walk = eventually("the root inherits", || {
        let walk = Walk::new();
        match walk
            .row("/", INODES)
            .map(|row| number(row, "inherited_objects"))
        {
            Some(objects) if objects >= 1001 => Ok(walk),
            objects => Err(format!("{objects:?} inherited")),
        }
    });
    println!("the root: {:?}", walk.inherited("/"));
    drop(pipe);
}

/// Checks a cgroup's number of inodes, and how many of them were a child's.
fn assert_inherited(cgroup: &Cgroup, inodes: u64, inherited: u64) {
    let path = cgroup.path();
    let walk = eventually("inherited", || {
        let walk = Walk::new();
        match walk.objects(&path, INODES) {
            objects if objects == inodes => Ok(walk),
            objects => Err(format!("{objects} inodes")),
        }
    });
    println!("{path}: {:?}", walk.inherited(&path).unwrap());
    let row = walk.row(&path, INODES).unwrap();
    assert_eq!(number(row, "inherited_objects"), inherited);
    let sum = walk.inherited(&path).unwrap();
    let objects: u64 = walk
        .rows(&path)
        .map(|row| number(row, "inherited_objects"))
        .sum();
    assert_eq!(number(sum, "slab_objects"), objects);
    assert!(objects >= 2 * inherited);
    // Dead memcgs keep their pages on kernels that do not reparent them.
    let pages = |field: &str, at_least: u64, goes: bool| match (sum[field].as_u64(), goes) {
        (Some(pages), true) => assert!(pages >= at_least, "{field}: {pages}"),
        (None, false) => {}
        (pages, _) => panic!("{field} is {pages:?}"),
    };
    pages("lru_pages", 50, reparents_pages());
    pages("kernel_pages", 10, !kmem_pins());
    let bytes = number(sum, "slab_bytes")
        + [sum["kernel_pages"].as_u64(), sum["lru_pages"].as_u64()]
            .into_iter()
            .flatten()
            .sum::<u64>()
            * PAGE_BYTES;
    assert_eq!(number(sum, "inherited_bytes"), bytes);
}

/// While other tasks make and remove files as fast as they can, files that stay are counted to the
/// object.
#[test]
fn a_storm_does_not_move_what_stays() {
    let folder = Folder::new("walked-calm");
    let cgroup = Cgroup::new("walked-calm");
    make_files(&cgroup, &folder, 0..1000);
    let storm = Folder::new("walked-storm");
    let windy = Cgroup::new("walked-storm");
    let script = "while :; do i=0; while [ $i -lt 50 ]; do : > $1/$i; i=$((i+1)); done; \
                  rm $1/*; done";
    let blower = windy.start(script, &[storm.path()]);
    let mut changed = 0;
    for _ in 0..2 {
        let walk = Walk::new();
        for cache in [INODES, DENTRIES, NAMES] {
            assert_eq!(walk.objects(&cgroup.path(), cache), 1000, "{cache}");
        }
        assert!(walk.objects(&windy.path(), DENTRIES) > 0);
        changed += number(&walk.0.summary, "changed_slabs");
    }
    println!("{changed} slabs changed while they were looked at");
    drop(blower);
}

/// A part of the walk, as text.
#[test]
fn slab_as_text() {
    let folder = Folder::new("walked-text");
    let cgroup = Cgroup::new("walked-text");
    make_files(&cgroup, &folder, 0..100);
    let output = tool::run(&["slab", "--cgroup", &cgroup.path(), "--cache", INODES]);
    let text = tool::stdout(&output);
    println!("{text}");
    let row = text
        .lines()
        .find(|line| line.contains(INODES) && line.contains(&cgroup.path()));
    let fields: Vec<_> = row.unwrap().split_whitespace().collect();
    assert_eq!(fields[..3], [&*cgroup.path(), INODES, "100"]);
    assert!(!text.contains("(unaccounted)"), "{text}");
    assert!(!text.contains(DENTRIES), "{text}");
    tool::assert_fails(
        &tool::run(&["slab", "--cache", "shmem_inode_cach"]),
        1,
        &["shmem_inode_cach", INODES],
    );
}
