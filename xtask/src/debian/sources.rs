//! The machine's own apt sources: where its mirror is, so that none is named here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One archive of the sources: a URI with the suites read from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub uri: String,
    pub suites: Vec<String>,
    /// The keys that sign it, where the source names a file.
    pub signed_by: Option<PathBuf>,
}

/// All http(s) archives in the order in which apt reads them; none where there is no apt.
pub fn read() -> Result<Vec<Source>> {
    let folder = Path::new("/etc/apt");
    let mut files = vec![folder.join("sources.list")];
    if let Ok(entries) = fs::read_dir(folder.join("sources.list.d")) {
        let mut parts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        parts.sort();
        files.extend(parts);
    }
    let mut sources = Vec::new();
    for file in files {
        let parse = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_list,
            Some("sources") => parse_deb822,
            _ => continue,
        };
        match fs::read_to_string(&file) {
            Ok(text) => sources.extend(parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("read {}", file.display())),
        }
    }
    Ok(sources)
}

/// One line a source: `deb [signed-by=FILE …] URI SUITE COMPONENT…`.
pub fn parse_list(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some(mut rest) = line.trim().strip_prefix("deb ").map(str::trim_start) else {
            continue;
        };
        let mut signed_by = None;
        if let Some((options, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            let mut options = options.split_whitespace();
            signed_by = options.find_map(|option| option.strip_prefix("signed-by="));
            rest = after;
        }
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            sources.extend(source(uri, vec![suite.to_owned()], signed_by));
        }
    }
    sources
}

/// Stanzas of `Key: value`, where a value goes on in indented lines.
pub fn parse_deb822(text: &str) -> Vec<Source> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut sources = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name| words(stanza, name);
        let disabled = field("enabled").first().is_some_and(|word| word == "no");
        if disabled || !field("types").iter().any(|kind| kind == "deb") {
            continue;
        }
        let keys = field("signed-by");
        // Keys may also stand there in full; those cannot be handed over by name.
        let signed_by = keys
            .first()
            .map(String::as_str)
            .filter(|key| key.starts_with('/'));
        for uri in field("uris") {
            sources.extend(source(&uri, field("suites"), signed_by));
        }
    }
    sources
}

fn words(stanza: &str, name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut inside = false;
    for line in stanza.lines() {
        let value = if line.starts_with([' ', '\t']) {
            Some(line).filter(|_| inside)
        } else {
            let (key, value) = line.split_once(':').unwrap_or_default();
            inside = key.eq_ignore_ascii_case(name);
            Some(value).filter(|_| inside)
        };
        words.extend(
            value
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_owned),
        );
    }
    words
}

fn source(uri: &str, suites: Vec<String>, signed_by: Option<&str>) -> Option<Source> {
    let http = uri.starts_with("http://") || uri.starts_with("https://");
    http.then(|| Source {
        uri: uri.trim_end_matches('/').to_owned(),
        suites,
        signed_by: signed_by.map(PathBuf::from),
    })
}

/// The archives that `suite` can be read from, likeliest first. A suite that is not listed is on
/// the mirror of its listed sisters: security suites live in an archive of their own beside the
/// main one, all others together.
pub fn archives_of(suite: &str, sources: &[Source]) -> Vec<Source> {
    const CODENAMES: &[&str] = &["bullseye", "bookworm", "trixie", "forky", "sid", "stable"];
    let is_debian = |name: &str| {
        let codename = name.split(['-', '/']).next().unwrap_or_default();
        CODENAMES.contains(&codename.trim_start_matches("old"))
    };
    let is_security = |name: &str| name.ends_with("-security") || name.ends_with("/updates");
    let mut archives: Vec<Source> = Vec::new();
    for source in sources
        .iter()
        .filter(|source| source.suites.iter().any(|name| is_debian(name)))
    {
        let listed = source.suites.iter().any(|name| is_security(name));
        let uri = match (is_security(suite), listed) {
            (true, false) => source
                .uri
                .strip_suffix("/debian")
                .map(|b| format!("{b}/debian-security")),
            (false, true) => source.uri.strip_suffix("-security").map(str::to_owned),
            _ => Some(source.uri.clone()),
        };
        let Some(uri) = uri else { continue };
        if !archives.iter().any(|archive| archive.uri == uri) {
            let archive = Source {
                uri,
                ..source.clone()
            };
            // The derived ones are guesses, and come last.
            let listed = archive.uri == source.uri;
            archives.insert(if listed { 0 } else { archives.len() }, archive);
        }
    }
    archives
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "\
Types: deb deb-src
# a comment in between
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://other.example/security
Suites: bookworm-security
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://mirror.example/off
Suites: sid
";

    #[test]
    fn deb822() {
        let sources = parse_deb822(DEB822);
        assert_eq!(sources.len(), 2, "{sources:?}");
        assert_eq!(sources[0].uri, "http://mirror.example/debian");
        assert_eq!(sources[0].suites, ["bookworm", "bookworm-updates"]);
        assert_eq!(
            sources[0].signed_by.as_deref(),
            Some(Path::new("/usr/share/keyrings/debian.gpg"))
        );
        assert_eq!(sources[1].signed_by, None);
    }

    #[test]
    fn one_line() {
        let text = "# deb http://no.example/x sid main\n\
            deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian trixie main # why\n\
            deb-src http://mirror.example/debian trixie main\n\
            deb cdrom:[Debian]/ trixie main\n\
            deb http://mirror.example/debian trixie-updates main\n";
        let sources = parse_list(text);
        assert_eq!(sources.len(), 2, "{sources:?}");
        assert_eq!(sources[0].signed_by.as_deref(), Some(Path::new("/k.gpg")));
        assert_eq!(sources[0].suites, ["trixie"]);
        assert_eq!(sources[1].suites, ["trixie-updates"]);
    }

    #[test]
    fn archives() {
        let uris = |suite, sources: &[Source]| -> Vec<String> {
            archives_of(suite, sources)
                .into_iter()
                .map(|source| source.uri)
                .collect()
        };
        let both = parse_deb822(DEB822);
        assert_eq!(uris("bullseye", &both), ["http://mirror.example/debian"]);
        assert_eq!(
            uris("bullseye-security", &both),
            [
                "https://other.example/security",
                "http://mirror.example/debian-security"
            ]
        );
        let third_party = parse_list("deb https://vendor.example/apt nodistro main");
        assert_eq!(uris("bullseye", &third_party), [""; 0]);
    }
}
