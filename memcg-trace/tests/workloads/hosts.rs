//! What `hosts.txt` says.

/// A cgroup, and what its name tells.
pub struct Expected {
    pub path: String,
    pub unit: Option<String>,
    pub container: Option<String>,
    pub pod: Option<String>,
    /// What text has beside the path.
    pub label: Option<String>,
}

/// Ids of two containers; one may be that of a pod of podman.
pub const CONTAINERS: [&str; 2] = [
    "4f0c7a2be91da1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
];
/// The uid of a pod.
pub const POD: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
/// The uid of a static pod.
pub const STATIC_POD: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// The cgroups of each kind of host.
pub fn hosts() -> Vec<(&'static str, Vec<Expected>)> {
    let text = include_str!("hosts.txt").split("\n\n").skip(1);
    let host = |text: &'static str| {
        let (kind, rows) = text.split_once('\n').unwrap();
        (&kind[2..], rows.lines().map(expected).collect())
    };
    text.map(host).collect()
}

fn expected(row: &str) -> Expected {
    let mut fields = row.split(" | ").map(filled);
    let mut next = || fields.next().filter(|field| field != "-");
    Expected {
        path: next().unwrap(),
        unit: next(),
        container: next(),
        pod: next(),
        label: next(),
    }
}

fn filled(field: &str) -> String {
    let [c1, c2] = CONTAINERS;
    field
        .replace("{c1}", c1)
        .replace("{c2}", c2)
        .replace("{c1:12}", &c1[..12])
        .replace("{c2:12}", &c2[..12])
        .replace("{pod}", POD)
        .replace("{pod_}", &POD.replace('-', "_"))
        .replace("{static}", STATIC_POD)
}
