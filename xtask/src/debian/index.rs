//! Reading a suite's `Release` and `Packages`: what is there, and the checksums of it.

use anyhow::{Context, Result};

use super::version;

/// A package as an index lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Where it is, from the archive's root.
    pub filename: String,
    pub sha256: String,
}

/// The SHA256 that a `Release` file gives for the file `path` of its suite.
pub fn sha256_in_release(release: &str, path: &str) -> Result<String> {
    release
        .lines()
        .skip_while(|line| line.trim_end() != "SHA256:")
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .find_map(|line| {
            let mut words = line.split_whitespace();
            let (sum, _size, name) = (words.next()?, words.next()?, words.next()?);
            (name == path).then(|| sum.to_owned())
        })
        .with_context(|| format!("the suite's Release file lists no {path}"))
}

/// The packages of `PREFIX + SERIES.… + SUFFIX` in an index, in no useful order; or of
/// `SERIES+…`, where a series is one version.
pub fn packages(index: &str, (prefix, suffix): (&str, &str), series: &str) -> Vec<Package> {
    let wanted = |name: &str| {
        let version = name
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix));
        let rest = version.and_then(|version| version.strip_prefix(series));
        rest.is_some_and(|rest| rest.starts_with(['.', '+']))
    };
    index
        .split("\n\n")
        // Most of a large index is not for us: look at the name before anything else.
        .filter(|stanza| field(stanza, "Package").is_some_and(wanted))
        .filter_map(read)
        .collect()
}

/// The package of that name and version.
pub fn package(index: &str, name: &str, version: &str) -> Option<Package> {
    let is_it = |stanza: &&str| {
        field(stanza, "Package") == Some(name) && field(stanza, "Version") == Some(version)
    };
    read(index.split("\n\n").find(is_it)?)
}

fn read(stanza: &str) -> Option<Package> {
    Some(Package {
        name: field(stanza, "Package")?.to_owned(),
        version: field(stanza, "Version")?.to_owned(),
        filename: field(stanza, "Filename")?.to_owned(),
        sha256: field(stanza, "SHA256")?.to_owned(),
    })
}

fn field<'a>(stanza: &'a str, name: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    stanza.lines().find_map(of)
}

/// The newest of some packages.
pub fn newest<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Option<&'a Package> {
    packages
        .into_iter()
        .max_by(|a, b| version::compare(&a.version, &b.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_series() {
        let stanza = |name: &str, version: &str| {
            format!(
                "Package: {name}\nVersion: {version}\nDescription: Linux\n of many lines\n\
                 Filename: pool/{name}.deb\nSHA256: 00\n"
            )
        };
        let index = [
            stanza("linux-image-6.1.0-9-cloud-amd64", "6.1.9-1"),
            stanza("linux-image-6.1.0-10-cloud-amd64", "6.1.10-1"),
            stanza("linux-image-6.1.0-11-cloud-amd64-unsigned", "6.1.11-1"),
            stanza("linux-image-6.12.1+deb12-cloud-amd64", "6.12.1-1"),
            stanza("linux-image-6.1-cloud-amd64", "6.1.12-1"),
        ]
        .join("\n");
        let found = packages(&index, ("linux-image-", "-cloud-amd64"), "6.1");
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(newest(&found).unwrap().version, "6.1.10-1");
        let name = "linux-image-6.1-cloud-amd64";
        assert_eq!(package(&index, name, "6.1.12-1").unwrap().name, name);
        assert_eq!(package(&index, name, "6.1.11-1"), None);
    }

    #[test]
    fn the_checksum_is_that_of_the_right_section() {
        let release = "Origin: Debian\nMD5Sum:\n aa 10 main/Packages.xz\n\
            SHA256:\n bb 9 main/Packages\n cc 10 main/Packages.xz\n\
            SHA512:\n dd 10 main/Packages.gz\n";
        assert_eq!(
            sha256_in_release(release, "main/Packages.xz").unwrap(),
            "cc"
        );
        assert!(sha256_in_release(release, "main/Packages.gz").is_err());
    }
}
