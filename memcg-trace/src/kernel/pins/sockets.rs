//! Descriptions of sockets: the family, both ends, and the holders.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::namespaces::Namespaces;
use super::users::set_users;
use crate::kernel::debugger::memory::Unreadable;
use crate::kernel::debugger::reader::Reader;
use crate::kernel::layout::fields::Field;
use crate::sample::Text;
use crate::sample::pins::{Object, ObjectKind, PinKind};

/// Address families (include/linux/socket.h); the socket of a tun device has none.
const AF_UNSPEC: u64 = 0;
const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
/// `struct sockaddr_un` without its path.
const SUN_PATH_AT: u64 = 2;

/// Describes a socket. A socket without a file belongs to the kernel, on behalf of a network
/// namespace.
pub(super) fn describe(
    reader: &Reader<'_>,
    namespaces: &Namespaces,
    sock: u64,
) -> Result<(PinKind, Object), Unreadable> {
    let family = reader.word(sock, Field::SockFamily)?;
    let protocol = reader.word(sock, Field::SockProt)?;
    let name = reader.bytes(protocol, Field::ProtoName)?;
    let socket = reader.word(sock, Field::SockSocket)?;
    let mut object = Object {
        kind: ObjectKind::Socket,
        refs: 1,
        fs: Some(Text::from_c(&name)),
        ino: inode(reader, socket),
        ..Object::default()
    };
    if socket != 0 && reader.word(socket, Field::SocketFile) == Ok(0) {
        object.kind = ObjectKind::KernelSocket;
        let ino = reader.word(reader.word(sock, Field::SockNet)?, Field::NetInum)?;
        object.ns_ino = Some(ino);
        object.ns_mount = namespaces.mount(ino);
        set_users(&mut object, namespaces.users(reader, ino));
    }
    let kind = match family {
        AF_UNIX => {
            object.path = unix_path(reader, sock);
            let peer = reader.word(sock, Field::UnixPeer).unwrap_or(0);
            object.remote = (peer != 0).then(|| unix_path(reader, peer)).flatten();
            PinKind::SocketUnix
        }
        AF_INET | AF_INET6 => {
            (object.local, object.remote) = ends(reader, sock, family == AF_INET6)?;
            PinKind::SocketInet
        }
        AF_NETLINK => {
            let port = reader.word(sock, Field::NetlinkPortid)?;
            let protocol = reader.word(sock, Field::SockProtocol)?;
            object.local = Some(Text::from(
                format!("protocol {protocol} port {port}").as_str(),
            ));
            PinKind::SocketOther
        }
        family => {
            let of_family = || Text::from(format!("family {family}").as_str());
            object.local = (family != AF_UNSPEC).then(of_family);
            PinKind::SocketOther
        }
    };
    Ok((kind, object))
}

/// Inode number of a socket, by which /proc and ss name it.
fn inode(reader: &Reader<'_>, socket: u64) -> Option<u64> {
    if socket == 0 {
        return None;
    }
    let inode = reader.offset(Field::SocketAllocInode).ok()?;
    let from = reader.offset(Field::SocketAllocSocket).ok()?;
    let ino = reader.word(socket + inode - from, Field::InodeIno).ok()?;
    (ino != 0).then_some(ino)
}

fn unix_path(reader: &Reader<'_>, sock: u64) -> Option<Text> {
    let address = reader.word(sock, Field::UnixAddr).ok()?;
    if address == 0 {
        return None;
    }
    let bytes = reader.word(address, Field::UnixAddressLen).ok()?;
    let name = address + reader.offset(Field::UnixAddressName).ok()? + SUN_PATH_AT;
    let path = reader.name(name, bytes.checked_sub(SUN_PATH_AT)?).ok()?;
    // An abstract path starts with NUL, which is written as @.
    Some(match path.as_bytes() {
        [0, rest @ ..] => Text::from([b"@", rest].concat()),
        path => Text::from_c(path),
    })
}

fn ends(
    reader: &Reader<'_>,
    sock: u64,
    is_v6: bool,
) -> Result<(Option<Text>, Option<Text>), Unreadable> {
    let port = |port: u64| u16::try_from(port & 0xffff).unwrap_or(0);
    // The local port is in host byte order, the remote port in network byte order.
    let local = port(reader.word(sock, Field::SockNum)?);
    let remote = u16::from_be(port(reader.word(sock, Field::SockDport)?));
    let end = |field_v4, field_v6, port| -> Result<Option<Text>, Unreadable> {
        let address = if is_v6 {
            let bytes = reader.bytes(sock, field_v6)?;
            let bytes: [u8; 16] = bytes.try_into().unwrap_or_default();
            SocketAddr::from((Ipv6Addr::from(bytes), port))
        } else {
            let bytes = reader.bytes(sock, field_v4)?;
            let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
            SocketAddr::from((Ipv4Addr::from(bytes), port))
        };
        let is_set = port != 0 || !address.ip().is_unspecified();
        Ok(is_set.then(|| Text::from(address.to_string().as_str())))
    };
    Ok((
        end(Field::SockRcvSaddr, Field::SockV6RcvSaddr, local)?,
        end(Field::SockDaddr, Field::SockV6Daddr, remote)?,
    ))
}
