//! Names in what pins dead memory cgroups. Structures are taken apart whole: a new field does not
//! compile until somebody says here whether it is a name.

use super::words::Redactor;
use crate::sample::Text;
use crate::sample::pins::{Held, NotChecked, Object, Pin, Pinned, Pins, User, UserKind};

impl Redactor {
    pub(super) fn pins(&mut self, pins: &mut Pins) {
        let Pins {
            all_pages_because,
            zombies,
            cgroups,
            begin_ns: _,
            end_ns: _,
            took_ns: _,
            visited_pages: _,
            visited_objects: _,
            can_reclaim: _,
            free_swap_bytes: _,
            used_swap_bytes: _,
            available_bytes: _,
            by_pid: _,
        } = pins;
        *all_pages_because = all_pages_because.take().map(|why| self.sentence(&why));
        for pinned in zombies.iter_mut().chain(cgroups) {
            self.pinned(pinned);
        }
    }

    fn pinned(&mut self, pinned: &mut Pinned) {
        let Pinned {
            pins,
            not_checked,
            serial_nr: _,
            refs: _,
            changed: _,
        } = pinned;
        for pin in pins {
            let Pin {
                objects,
                kind: _,
                refs: _,
                pages: _,
                objects_omitted: _,
                truncated_at: _,
            } = pin;
            for object in objects {
                self.object(object);
            }
        }
        for NotChecked { kind: _, reason } in not_checked {
            *reason = self.sentence(reason);
        }
    }

    fn object(&mut self, object: &mut Object) {
        let Object {
            dev,
            dev_name,
            path,
            ns_mount,
            local,
            remote,
            held,
            users,
            // A type of file systems, which its module chose.
            fs: _,
            kind: _,
            refs: _,
            pages: _,
            unevictable_refs: _,
            ino: _,
            ns_ino: _,
            cpu: _,
            memcg_serial_nr: _,
            inodes: _,
            links: _,
            path_of_pid: _,
            backing: _,
            is_mountable: _,
            users_omitted: _,
        } = object;
        for path in [path, dev_name, ns_mount] {
            *path = path.as_ref().map(|path| self.path(path));
        }
        *dev = dev.as_ref().map(|dev| self.device(dev));
        for end in [local, remote] {
            *end = end.as_ref().map(|end| self.network(end));
        }
        if let Some(Held {
            not_checked,
            refs: _,
            found: _,
        }) = held
        {
            for way in not_checked {
                *way = self.sentence(way);
            }
        }
        for user in users {
            self.user(user);
        }
    }

    fn user(&mut self, user: &mut User) {
        let User {
            kind,
            comm,
            parent,
            name,
            held_by,
            pid: _,
            tid: _,
            start_ns: _,
            state: _,
            fd: _,
            memcg_serial_nr: _,
            refs: _,
            ns_ino: _,
        } = user;
        *comm = self.comm(comm);
        if let Some((_, comm)) = parent {
            *comm = self.comm(comm);
        }
        *name = name.as_ref().map(|name| match kind {
            UserKind::Kernel => self.part_of_the_kernel(name),
            _ => self.path(name),
        });
        for user in held_by {
            self.user(user);
        }
    }

    /// A part of the kernel, in words of ours that may end with a path.
    fn part_of_the_kernel(&mut self, name: &Text) -> Text {
        let bytes = name.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'/');
        let (words, path) = bytes.split_at(at.unwrap_or(bytes.len()));
        let path = self.path(&Text::from(path));
        Text::from([words, path.as_bytes()].concat())
    }
}
