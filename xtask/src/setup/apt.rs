//! apt as a fetcher: it reads indexes and downloads packages into the user's cache, checks their
//! signatures, and changes nothing on the system.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::mirror::Mirror;
use super::progress;
use crate::{child, places};

/// Suites that no longer change, so that their indexes may be past their expiry date.
const FROZEN: &[&str] = &["bullseye", "bullseye-security"];

/// The file in which Debian's packages put the keys of its archive.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The architecture of what runs here and in guests.
const AMD64: &str = "amd64";

/// A package of a certain version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Size of its archive.
    pub bytes: u64,
}

/// apt with its own configuration.
pub struct Apt {
    folder: PathBuf,
    /// The architecture of packages, by Debian's name.
    architecture: &'static str,
    mirror: Mirror,
    /// Suites whose indexes have been read by this process.
    suites: BTreeSet<&'static str>,
}

/// Returns whether this system has apt at all.
pub fn is_here() -> bool {
    ["apt-get", "apt-cache", "dpkg-deb"]
        .iter()
        .all(|name| places::executable(name).is_some())
}

impl Apt {
    /// apt for packages that run here and in guests.
    pub fn new() -> Result<Self> {
        Self::of_architecture(AMD64)
    }

    /// apt for packages of an architecture, by Debian's name.
    pub fn of_architecture(architecture: &'static str) -> Result<Self> {
        let folder = match architecture {
            AMD64 => places::cache()?.join("apt"),
            other => places::cache()?.join(format!("apt-{other}")),
        };
        for sub in [
            "lists/partial",
            "archives/partial",
            "downloads",
            "log",
            "none",
        ] {
            let sub = folder.join(sub);
            fs::create_dir_all(&sub).with_context(|| format!("create {}", sub.display()))?;
        }
        // The list of installed packages is empty, so that the dependencies of each package are
        // fetched, too.
        fs::write(folder.join("status"), "").context("write the list of installed packages")?;
        let mirror = Mirror::of_this_machine()?;
        let apt = Self {
            folder,
            architecture,
            mirror,
            suites: BTreeSet::new(),
        };
        let configuration = apt.configuration()?;
        fs::write(apt.folder.join("apt.conf"), configuration).context("write apt's settings")?;
        Ok(apt)
    }

    fn configuration(&self) -> Result<String> {
        let ours = self.folder.display();
        // The system's own settings are not read: they may run programs after each update. Only the
        // access to the mirror (a proxy, say) is copied.
        let system = child::read(Command::new("apt-config").arg("dump")).unwrap_or_default();
        let access = system.lines().filter(|line| {
            line.starts_with("Acquire::")
                && ![
                    "IndexTargets",
                    "Languages",
                    "GzipIndexes",
                    "CompressionTypes",
                ]
                .iter()
                .any(|group| line["Acquire::".len()..].starts_with(group))
        });
        let mut text: String = access.flat_map(|line| [line, "\n"]).collect();
        for (key, value) in [
            ("Dir::State", format!("{ours}/")),
            ("Dir::State::lists", format!("{ours}/lists/")),
            ("Dir::State::status", format!("{ours}/status")),
            ("Dir::Cache", format!("{ours}/")),
            ("Dir::Log", format!("{ours}/log")),
            ("Dir::Etc::main", format!("{ours}/none/apt.conf")),
            ("Dir::Etc::parts", format!("{ours}/none")),
            ("Dir::Etc::sourcelist", format!("{ours}/sources.list")),
            ("Dir::Etc::sourceparts", format!("{ours}/none")),
            ("Dir::Etc::preferences", format!("{ours}/none/preferences")),
            ("Dir::Etc::preferencesparts", format!("{ours}/none")),
            ("APT::Architecture", self.architecture.into()),
            ("APT::Architectures::", self.architecture.into()),
            ("APT::Install-Recommends", "false".into()),
            ("APT::Get::List-Cleanup", "false".into()),
            // Under another user apt could not write to this user's folder.
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::GzipIndexes", "true".into()),
            ("Acquire::Languages", "none".into()),
            (
                "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled",
                "false".into(),
            ),
            (
                "Acquire::IndexTargets::deb::CNF::DefaultEnabled",
                "false".into(),
            ),
            ("Acquire::Retries", "2".into()),
            ("Debug::NoLocking", "1".into()),
        ] {
            text.push_str(&format!("{key} \"{value}\";\n"));
        }
        Ok(text)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C");
        command
    }

    fn write_sources<'a>(&self, suites: impl Iterator<Item = &'a &'static str>) -> Result<()> {
        let mut options = vec![format!("arch={}", self.architecture)];
        if Path::new(KEYRING).exists() {
            options.push(format!("signed-by={KEYRING}"));
        }
        let line = |suite: &&str| {
            let mut options = options.clone();
            if FROZEN.contains(suite) {
                options.push("check-valid-until=no".into());
            }
            let archive = self.mirror.archive(suite);
            format!("deb [{}] {archive} {suite} main\n", options.join(" "))
        };
        let text: String = suites.map(line).collect();
        fs::write(self.folder.join("sources.list"), text).context("write apt's sources")
    }

    /// Reads the indexes of these suites, except those that were read already; returns those that
    /// cannot be read, with the reason.
    pub fn refresh(&mut self, suites: &[&'static str]) -> Result<Vec<(&'static str, String)>> {
        let mut failures = Vec::new();
        for suite in suites {
            if self.suites.contains(suite) {
                continue;
            }
            progress::say(&format!("reading the package index of {suite}"));
            self.write_sources([suite].into_iter())?;
            // apt only warns of an unreachable source, and continues with the old index.
            let update =
                child::read(
                    self.command("apt-get")
                        .args(["update", "-qq", "--error-on=any"]),
                );
            match update {
                Ok(_) => drop(self.suites.insert(suite)),
                Err(error) => failures.push((*suite, first_reason(&format!("{error:#}")))),
            }
        }
        self.write_sources(self.suites.iter())?;
        Ok(failures)
    }

    /// These packages and all their dependencies, except those that `without` accepts.
    pub fn resolve(&self, names: &[&str], without: impl Fn(&str) -> bool) -> Result<Vec<Package>> {
        let mut apt = self.command("apt-get");
        apt.args(["install", "--assume-yes", "--print-uris", "-qq"])
            .args(names);
        let uris = child::read(&mut apt).map_err(|error| {
            anyhow::anyhow!(
                "apt finds no way to have {}: {}",
                names.join(", "),
                first_reason(&format!("{error:#}"))
            )
        })?;
        let packages = uris.lines().filter_map(package_of_uri);
        Ok(packages.filter(|package| !without(&package.name)).collect())
    }

    /// The packages whose names `wanted` accepts, among those that start with `prefix`, the newest
    /// first.
    pub fn newest(&self, prefix: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Package>> {
        let names = child::read(self.command("apt-cache").args(["pkgnames", prefix]))?;
        let names: Vec<_> = names.lines().filter(|name| wanted(name)).collect();
        let mut sorted: Vec<Package> = Vec::new();
        for package in self.versions(&names)? {
            let mut at = 0;
            while let Some(newer) = sorted.get(at)
                && !is_newer(&package.version, &newer.version)?
            {
                at += 1;
            }
            sorted.insert(at, package);
        }
        Ok(sorted)
    }

    /// The package of that name and version, if there is one.
    pub fn exactly(&self, name: &str, version: &str) -> Result<Option<Package>> {
        let packages = self.versions(&[name])?;
        Ok(packages
            .into_iter()
            .find(|package| package.version == version))
    }

    /// All versions of some packages, with the sizes of their archives.
    fn versions(&self, names: &[&str]) -> Result<Vec<Package>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let records = child::read(self.command("apt-cache").arg("show").args(names));
        // apt-cache fails if it knows none of the packages.
        Ok(records
            .unwrap_or_default()
            .split("\n\n")
            .filter_map(package_of_record)
            .collect())
    }

    /// Downloads packages, unless they are there; returns their archives in the same order.
    pub fn download(&self, packages: &[Package]) -> Result<Vec<PathBuf>> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        // Not apt's own folder of archives: apt counts packages there as fetched when it resolves.
        let folder = self.folder.join("downloads");
        let mut apt = self.command("apt-get");
        apt.args(["download", "-qq"]).current_dir(&folder);
        apt.args(
            packages
                .iter()
                .map(|one| format!("{}={}", one.name, one.version)),
        );
        let bytes = packages.iter().map(|package| package.bytes).sum();
        let output =
            progress::while_folder_grows(&folder, bytes, "packages", || child::read(&mut apt));
        if let Err(error) = output {
            bail!("download packages: {}", first_reason(&format!("{error:#}")));
        }
        let archive = |package: &Package| {
            let version = package.version.replace(':', "%3a");
            let mut paths = [self.architecture, "all"].into_iter().map(|architecture| {
                folder.join(format!("{}_{version}_{architecture}.deb", package.name))
            });
            let path = paths.find(|path| path.exists());
            path.with_context(|| format!("apt downloaded no archive of {}", package.name))
        };
        packages.iter().map(archive).collect()
    }
}

/// The first error or warning of apt, without its letter.
fn first_reason(errors: &str) -> String {
    let lines = errors.lines().map(str::trim);
    let mut reasons = lines.filter_map(|line| {
        let (_, reason) = line.split_once("E: ")?;
        Some(reason.trim())
    });
    let first = errors.lines().next().unwrap_or_default();
    reasons.next().unwrap_or(first).to_owned()
}

/// `'URI' NAME_VERSION_ARCHITECTURE.deb SIZE CHECKSUM`.
fn package_of_uri(line: &str) -> Option<Package> {
    let mut words = line.split_whitespace().skip(1);
    let mut file = words.next()?.split('_');
    Some(Package {
        name: file.next()?.into(),
        version: file.next()?.replace("%3a", ":"),
        bytes: words.next()?.parse().ok()?,
    })
}

fn package_of_record(record: &str) -> Option<Package> {
    let field = |name: &str| {
        let of = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned());
        record.lines().find_map(of)
    };
    Some(Package {
        name: field("Package")?,
        version: field("Version")?,
        bytes: field("Size")?.parse().ok()?,
    })
}

fn is_newer(version: &str, than: &str) -> Result<bool> {
    let mut dpkg = Command::new("dpkg");
    dpkg.args(["--compare-versions", version, "gt", than]);
    let status = dpkg.status().context("start dpkg --compare-versions")?;
    ensure!(
        matches!(status.code(), Some(0 | 1)),
        "{}: {status}",
        child::line(&dpkg)
    );
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_as_apt_prints_them() {
        let line = "'http://m.example/x.deb' a-b_1%3a2+c-3_all.deb 45012756 SHA256:00";
        let package = Package {
            name: "a-b".into(),
            version: "1:2+c-3".into(),
            bytes: 45_012_756,
        };
        assert_eq!(package_of_uri(line), Some(package.clone()));
        assert_eq!(package_of_uri("Reading package lists..."), None);
        let record = "Package: a-b\nArchitecture: all\nVersion: 1:2+c-3\nSize: 45012756\n";
        assert_eq!(package_of_record(record), Some(package));
        assert_eq!(package_of_record("Package: a-b\n"), None);
    }

    #[test]
    fn one_line_says_what_is_wrong() {
        let errors =
            "apt-get update -qq: exit status: 100: W: old\nE: Failed to fetch x  404\nE: more";
        assert_eq!(first_reason(errors), "Failed to fetch x  404");
        assert_eq!(
            first_reason("start apt-get: not found\nx"),
            "start apt-get: not found"
        );
    }
}
