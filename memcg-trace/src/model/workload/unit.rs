//! Units of systemd in the path of a cgroup.

/// The ends of names of units that have a cgroup (systemd.unit(5)).
const ENDS: [&[u8]; 6] = [
    b".service",
    b".scope",
    b".slice",
    b".mount",
    b".swap",
    b".socket",
];

/// Returns the unit that a name of a cgroup stands for. systemd puts `_` before a name that might
/// be taken for a file of the kernel (src/basic/cgroup-util.c: `cg_escape()`).
pub(super) fn unit(name: &[u8]) -> Option<&[u8]> {
    let name = name.strip_prefix(b"_").unwrap_or(name);
    let is_unit = |end: &&[u8]| name.len() > end.len() && name.ends_with(end);
    // A colon makes it the name that runc took for a path: see `container::of_three_parts`.
    let is_path = name.contains(&b':') && name.split(|byte| *byte == b':').count() == 3;
    (!is_path && ENDS.iter().any(is_unit)).then_some(name)
}

/// Returns a name as it was before systemd escaped it for a unit: `\x2d` is `-`
/// (systemd-escape(1)).
pub(super) fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut rest = name;
    let mut bytes = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        match escaped_byte(rest) {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// Returns the byte that an escape sequence at the start stands for, and what follows it.
fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.strip_prefix(br"\x")?.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` takes a sign, too.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((byte, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units() {
        for (name, expected) in [
            ("ssh.service", Some("ssh.service")),
            ("getty@tty1.service", Some("getty@tty1.service")),
            ("_cgroup.service", Some("cgroup.service")),
            ("-.slice", Some("-.slice")),
            (".service", None),
            ("ssh.services", None),
            ("docker", None),
        ] {
            let expected = expected.map(str::as_bytes);
            assert_eq!(unit(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn names_are_unescaped() {
        for (name, expected) in [
            (r"qemu\x2d1\x2dweb", "qemu-1-web"),
            (r"a\x2", r"a\x2"),
            (r"a\xzz", r"a\xzz"),
            (r"a\x+1", r"a\x+1"),
            ("", ""),
        ] {
            assert_eq!(unescaped(name.as_bytes()), expected.as_bytes(), "{name}");
        }
    }
}
