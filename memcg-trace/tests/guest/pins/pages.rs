//! Zombies that pages pin. Newer kernels reparent the pages of a dead memcg.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Advice, MemfdFlags, fadvise, memfd_create};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use serde_json::{Value, json};

use super::fixture::{Fixture, Refs, close, comm, us};
use super::ledger::{device, ledgers};
use super::memory::{Memory, Segment};
use crate::disk;
use crate::host::{Cgroup, Folder, eventually, kmem_pins, reparents_pages};

pub const PAGE: usize = 4096;

/// A zombie to which pages of tmpfs or of anonymous memory are charged.
pub fn of_pages(path: String, kind: &'static str, pages: u64) -> Fixture {
    Fixture {
        path,
        pins: !reparents_pages(),
        kind,
        refs: Refs::Exactly(pages),
        company: &[],
        holders: Vec::new(),
        advice: Vec::new(),
        never: &[],
        exactly: Vec::new(),
        follow: Box::new(|| ()),
    }
}

/// The place of a file as holders have it.
pub fn place(file: &Path, fs: &str) -> Value {
    let name = file.to_str().unwrap();
    json!({
        "fs": fs, "dev": device(file), "ino": file.metadata().unwrap().ino(), "path": name,
    })
}

/// The fields of both.
pub fn and(one: &Value, two: &Value) -> Value {
    let mut both = one.as_object().unwrap().clone();
    both.extend(two.as_object().unwrap().clone());
    Value::Object(both)
}

/// A tmpfs file that nobody has open.
pub fn tmpfs_file(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("tmpfs-file");
    let (name, pages) = (folder.file("quiet"), vec![1; 300 * PAGE]);
    let mut file = File::create(&name).unwrap();
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    drop(file);
    cgroup.remove();
    Fixture {
        holders: vec![and(
            &place(name.as_ref(), "tmpfs"),
            &json!({"object": "file", "refs": 300, "pages": 300, "pid": null, "links": 1,
                    "backing": "swap"}),
        )],
        advice: vec![("remove_file", vec![name.clone()])],
        follow: Box::new(move || fs::remove_file(name).unwrap()),
        ..of_pages(cgroup.path(), "page_shmem", 300)
    }
}

/// A tmpfs file that another process has open: charged to a dead cgroup, used by a live process.
pub fn open_tmpfs_file(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("open-tmpfs-file");
    let owner = parent.child("owner");
    let (name, pages) = (folder.file("used"), vec![1; 290 * PAGE]);
    let mut file = File::create(&name).unwrap();
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    let user = owner.start("exec 7<\"$1\"; exec sleep 600", &[&name]);
    eventually("the file is open", || {
        fs::read_link(format!("/proc/{}/fd/7", user.0.id())).map_err(|error| error.to_string())
    });
    drop(file);
    cgroup.remove();
    let pid = user.0.id();
    Fixture {
        holders: vec![and(
            &place(name.as_ref(), "tmpfs"),
            &json!({"pid": pid, "comm": "sleep", "fd": 7, "owner_path": owner.path()}),
        )],
        advice: vec![
            ("remove_file", vec![name.clone()]),
            ("close_fd", vec![format!("sleep[{pid}]"), "7".to_owned()]),
        ],
        follow: Box::new(move || {
            fs::remove_file(name).unwrap();
            drop(user);
            owner.remove();
        }),
        ..of_pages(cgroup.path(), "page_shmem", 290)
    }
}

/// A file without a name that this process has open.
pub fn deleted_file(parent: &Cgroup, folder: &Folder) -> Fixture {
    let cgroup = parent.child("deleted-file");
    let (name, pages) = (folder.file("nameless"), vec![1; 20 * PAGE]);
    let mut file = File::create(&name).unwrap();
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    fs::remove_file(name).unwrap();
    cgroup.remove();
    let ino = file.metadata().unwrap().ino();
    Fixture {
        holders: vec![and(
            &us(&file),
            &json!({"object": "deleted_file", "ino": ino, "fs": "tmpfs"}),
        )],
        advice: vec![close(&file)],
        follow: Box::new(move || drop(file)),
        ..of_pages(cgroup.path(), "page_shmem", 20)
    }
}

pub fn memfd(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("memfd");
    let mut file = File::from(memfd_create("secret", MemfdFlags::CLOEXEC).unwrap());
    let pages = vec![1; 10 * PAGE];
    cgroup.inside(|| file.write_all(&pages)).unwrap();
    cgroup.remove();
    Fixture {
        holders: vec![and(
            &us(&file),
            &json!({"object": "memfd", "path": "secret"}),
        )],
        advice: vec![close(&file)],
        follow: Box::new(move || drop(file)),
        ..of_pages(cgroup.path(), "page_shmem", 10)
    }
}

/// `MAP_SHARED | MAP_ANONYMOUS`.
pub fn shared_memory(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("shared-memory");
    let memory = Memory::shared(100);
    cgroup.inside(|| memory.touch());
    cgroup.remove();
    let pid = std::process::id();
    Fixture {
        holders: vec![json!({"pid": pid, "comm": comm(), "how": "mapped", "owner_path": "/"})],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        follow: Box::new(move || drop(memory)),
        ..of_pages(cgroup.path(), "page_anon_shared", 100)
    }
}

/// The charge of private memory stays behind when the process moves.
pub fn moved_memory(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("moved-memory");
    let memory = Memory::private(300);
    cgroup.inside(|| memory.touch());
    cgroup.remove();
    Fixture {
        follow: Box::new(move || drop(memory)),
        ..of_private(&cgroup, 300)
    }
}

/// Moved memory that is locked: such pages are on no list.
pub fn locked_memory(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("locked-memory");
    let memory = Memory::private(150);
    cgroup.inside(|| memory.lock());
    cgroup.remove();
    Fixture {
        follow: Box::new(move || drop(memory)),
        ..of_private(&cgroup, 150)
    }
}

pub fn of_private(cgroup: &Cgroup, pages: u64) -> Fixture {
    let pid = std::process::id();
    Fixture {
        holders: vec![json!({
            "object": "private_anon", "pid": pid, "comm": comm(), "how": "mapped",
            "owner_path": "/",
        })],
        advice: vec![("restart_process", vec![format!("[{pid}]")])],
        ..of_pages(cgroup.path(), "page_anon", pages)
    }
}

/// A SysV segment that nobody is attached to.
pub fn segment(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("segment");
    let segment = cgroup.inside(|| Segment::new(280));
    cgroup.remove();
    let id = segment.id;
    Fixture {
        holders: vec![
            json!({"object": "sysv_shm", "ino": id, "pages": 280, "path_of_pid": null, "pid": null}),
        ],
        advice: vec![("remove_segment", vec![id.to_string()])],
        follow: Box::new(move || segment.remove()),
        ..of_pages(cgroup.path(), "page_shmem", 280)
    }
}

/// A full pipe: 16 pages of the kernel's own.
pub fn full_pipe(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("full-pipe");
    let (reader, mut writer) = io::pipe().unwrap();
    let pages = vec![1; 16 * PAGE];
    cgroup.inside(|| writer.write_all(&pages)).unwrap();
    cgroup.remove();
    Fixture {
        pins: kmem_pins(),
        holders: vec![json!({"object": "pipe", "how": "in_pipe", "pid": std::process::id()})],
        follow: Box::new(move || drop((reader, writer))),
        ..of_pages(cgroup.path(), "page_kmem", 16)
    }
}

/// A file on a disk, written and synced. The file system's own data that was charged with it is in
/// the device's page cache.
pub fn ext4_file(parent: &Cgroup) -> Fixture {
    let cgroup = parent.child("ext4-file");
    let disk = disk::unused();
    disk::format(&disk, &[]);
    let folder = Folder::new("ext4");
    mount(&*disk, &folder.0, "ext4", MountFlags::empty(), None).unwrap();
    let (name, pages) = (folder.file("data"), vec![1; 100 * PAGE]);
    let mut file = File::create(&name).unwrap();
    cgroup.inside(|| {
        file.write_all(&pages).unwrap();
        file.sync_all().unwrap();
    });
    drop(file);
    rustix::fs::sync();
    cgroup.remove();
    let reclaim = parent.dir().join("memory.reclaim");
    let reclaim = reclaim.exists().then_some(reclaim);
    let advised = match &reclaim {
        Some(file) => ("reclaim", file.to_str().unwrap().to_owned()),
        None => ("drop_file_pages", name.clone()),
    };
    let path = cgroup.path();
    let data = json!({"object": "file", "refs": 100, "pages": 100, "backing": "storage"});
    Fixture {
        refs: Refs::AtLeast(100),
        company: &["writeback"],
        holders: vec![and(&place(name.as_ref(), "ext4"), &data)],
        advice: vec![(advised.0, vec![advised.1])],
        follow: Box::new(move || {
            match reclaim {
                // The write fails, as there is less to reclaim than this.
                Some(file) => drop(fs::write(file, "64M")),
                None => {
                    let file = File::open(&name).unwrap();
                    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
                }
            }
            let ino = Path::new(&name).metadata().unwrap().ino();
            let left = ledgers(None);
            let mut left = left.iter().filter(|ledger| ledger.path() == path);
            let of_file = left.any(|left| left.holders("page_file").any(|at| at["ino"] == ino));
            assert!(!of_file, "the pages are still there");
            // The device's own page cache may keep some of the file system's data.
            unmount(&folder.0, UnmountFlags::empty()).unwrap();
        }),
        ..of_pages(cgroup.path(), "page_file", 100)
    }
}
