//! The Debian mirror that this machine's own apt sources name.

use std::process::Command;

use anyhow::{Context, Result};

use crate::child;

/// The URLs of Debian's archives.
#[derive(Debug, PartialEq, Eq)]
pub struct Mirror {
    main: String,
    security: String,
}

/// Names of Debian's releases; a source with another name is not Debian's.
const CODENAMES: &[&str] = &["bullseye", "bookworm", "trixie", "forky", "duke", "sid"];

impl Mirror {
    /// Asks apt, which reads sources in every format.
    pub fn of_this_machine() -> Result<Self> {
        let mut apt = Command::new("apt-get");
        apt.args(["update", "--print-uris", "-o", "Debug::NoLocking=1"]);
        let uris = child::read(&mut apt).context("ask apt for this machine's sources")?;
        Self::among(&uris).context("this machine's apt sources name no mirror of Debian")
    }

    /// The mirror in lines of `'BASE/dists/SUITE/InRelease' FILE SIZE CHECKSUM`.
    fn among(uris: &str) -> Option<Self> {
        let parse = |line: &str| {
            let uri = line.strip_prefix('\'')?.split('\'').next()?;
            let (base, rest) = uri.split_once("/dists/")?;
            let suite = rest.split('/').next()?;
            let is_debian = CODENAMES.contains(&suite.split('-').next()?);
            is_debian.then(|| (base.to_owned(), is_security(suite)))
        };
        let sources: Vec<_> = uris.lines().filter_map(parse).collect();
        let base = |security| {
            let mut bases = sources.iter().filter(|(_, of)| *of == security);
            bases.next().map(|(base, _)| base.clone())
        };
        // A mirror has both archives side by side, so that the URL of each follows from the other.
        let main =
            base(false).or_else(|| Some(base(true)?.strip_suffix("-security")?.to_owned()))?;
        let security = base(true).unwrap_or_else(|| format!("{main}-security"));
        Some(Self { main, security })
    }

    /// The root of the archive that has a suite.
    pub fn archive(&self, suite: &str) -> &str {
        if is_security(suite) {
            &self.security
        } else {
            &self.main
        }
    }
}

fn is_security(suite: &str) -> bool {
    suite.ends_with("-security")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "\
'http://mirror.example/debian/dists/bookworm/InRelease' mirror_InRelease 0
'https://vendor.example/apt/dists/nodistro/InRelease' vendor_InRelease 0
'http://other.example/security/dists/bookworm-security/InRelease' other_InRelease 0
";

    #[test]
    fn suites_are_where_the_sources_say() {
        let mirror = Mirror::among(LISTED).unwrap();
        assert_eq!(mirror.archive("bullseye"), "http://mirror.example/debian");
        assert_eq!(
            mirror.archive("bullseye-security"),
            "http://other.example/security"
        );
    }

    #[test]
    fn one_archive_leads_to_the_other() {
        let mirror = Mirror::among(LISTED.lines().next().unwrap()).unwrap();
        assert_eq!(
            mirror.archive("bookworm-security"),
            "http://mirror.example/debian-security"
        );
        let security = "'http://m.example/debian-security/dists/trixie-security/InRelease' x 0";
        let mirror = Mirror::among(security).unwrap();
        assert_eq!(mirror.archive("trixie"), "http://m.example/debian");
    }

    #[test]
    fn another_distribution_has_no_mirror_of_debian() {
        let ubuntu = "'http://archive.example/ubuntu/dists/noble/InRelease' x 0";
        assert_eq!(Mirror::among(ubuntu), None);
        assert_eq!(Mirror::among(""), None);
    }
}
