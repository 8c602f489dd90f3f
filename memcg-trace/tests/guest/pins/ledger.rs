//! Output of `memcg-trace pins`.

use std::path::Path;

use serde_json::Value;

use crate::contract::Document;
use crate::tool;

/// The ledger of one zombie.
#[derive(Debug)]
pub struct Ledger(Value);

/// The ledgers of all zombies, or of one.
pub fn ledgers(zombie: Option<&str>) -> Vec<Ledger> {
    ledgers_and_bugs(zombie).0
}

/// The same, and the known bugs that the answer looks like.
pub fn ledgers_and_bugs(zombie: Option<&str>) -> (Vec<Ledger>, Vec<String>) {
    let mut args = vec!["pins", "--json"];
    args.extend(zombie);
    let output = tool::run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    assert_eq!(tool::stderr(&output), "");
    let document = Document::parse(tool::stdout(&output));
    println!("pins: {} {}", document.summary, document.not_checked);
    let bugs = document.summary["known_bugs"].as_array().unwrap().iter();
    let bugs = bugs.map(|bug| bug["bug"].as_str().unwrap().to_owned());
    let bugs = bugs.collect();
    (document.items.into_iter().map(Ledger::of).collect(), bugs)
}

/// The ledger of a zombie, after a script has hidden something.
pub fn ledger_without(script: &str, zombie: &str) -> Ledger {
    asked_without(script, zombie).unwrap()
}

/// The same, or what the program says if it is no zombie yet.
pub fn asked_without(script: &str, zombie: &str) -> Result<Ledger, String> {
    let output = tool::hidden(script, &["pins", "--json", zombie]);
    if output.status.code() != Some(0) {
        return Err(tool::stderr(&output).to_owned());
    }
    let mut items = Document::parse(tool::stdout(&output)).items;
    let ledger = Ledger::of(items.remove(0));
    println!("{}", ledger.sentence());
    Ok(ledger)
}

/// The records of `memcg-trace zombies`, and its summary.
pub fn zombies() -> (Vec<Value>, Value) {
    let output = tool::run(&["zombies", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    assert_eq!(tool::stderr(&output), "");
    let Document { summary, items, .. } = Document::parse(tool::stdout(&output));
    println!("zombies: {summary}");
    (items, summary)
}

impl Ledger {
    /// Checks the properties that every ledger must have.
    fn of(item: Value) -> Self {
        let ledger = Self(item);
        assert!(ledger.path().starts_with('/'), "{ledger:?}");
        assert!(!ledger.sentence().is_empty(), "{ledger:?}");
        for pin in ledger.pins() {
            let refs = pin["refs"].as_u64().unwrap();
            assert!(refs > 0, "a row of nothing: {ledger:?}");
            let bytes = pin["pages"].as_u64().map(|pages| pages * 4096);
            assert_eq!(pin["bytes"].as_u64(), bytes, "{pin}");
        }
        let advice = ledger.0["advice"].as_array().unwrap();
        assert!(!advice.is_empty(), "silence is no answer: {ledger:?}");
        for one in advice {
            assert!(!one["why"].as_str().unwrap().is_empty(), "{one}");
            if let Some(refs) = ledger.refs() {
                assert!(
                    one["frees_refs"].as_i64().unwrap() <= refs,
                    "{one}: {ledger:?}"
                );
            }
        }
        if let (Some(refs), Some(unexplained)) = (ledger.refs(), ledger.unexplained()) {
            let found: i64 = ledger.pins().map(|pin| pin["refs"].as_i64().unwrap()).sum();
            assert_eq!(refs, found + unexplained, "{ledger:?}");
        }
        ledger
    }

    pub fn path(&self) -> &str {
        self.0["zombie"]["path"].as_str().unwrap()
    }

    pub fn css_id(&self) -> u64 {
        self.0["zombie"]["css_id"].as_u64().unwrap()
    }

    pub fn cgroup_id(&self) -> u64 {
        self.0["zombie"]["cgroup_id"].as_u64().unwrap()
    }

    pub fn sentence(&self) -> &str {
        self.0["sentence"].as_str().unwrap()
    }

    /// `None` until the kernel has told all CPUs that the memcg is dead.
    pub fn refs(&self) -> Option<i64> {
        self.0["refs"].as_i64()
    }

    pub fn unexplained(&self) -> Option<i64> {
        self.0["unexplained_refs"].as_i64()
    }

    pub fn not_checked(&self) -> &[Value] {
        self.0["not_checked"].as_array().unwrap()
    }

    fn pins(&self) -> impl Iterator<Item = &Value> {
        self.0["pins"].as_array().unwrap().iter()
    }

    /// Every kind in the ledger, with its references.
    pub fn kinds(&self) -> Vec<(&str, u64)> {
        let pins = self.pins();
        pins.map(|pin| (pin["kind"].as_str().unwrap(), pin["refs"].as_u64().unwrap()))
            .collect()
    }

    /// The row of a kind.
    pub fn pin(&self, kind: &str) -> Option<&Value> {
        self.pins().find(|pin| pin["kind"] == kind)
    }

    /// Holders of the pins of a kind.
    pub fn holders(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let holders = self
            .pin(kind)
            .map(|pin| pin["holders"].as_array().unwrap().iter());
        holders.into_iter().flatten()
    }

    /// Returns whether the ledger advises this action, on a target whose name has all of these
    /// parts.
    pub fn advises(&self, action: &str, parts: &[String]) -> bool {
        self.advice(action).any(|target| {
            let target = target.unwrap_or_default();
            parts.iter().all(|part| target.contains(&**part))
        })
    }

    /// The most that one of these actions, with the steps that belong to it, promises to free;
    /// `None` without a promise, also if there is an upper bound.
    pub fn promised_refs<'a>(&self, actions: impl IntoIterator<Item = &'a str>) -> Option<i64> {
        let actions: Vec<&str> = actions.into_iter().collect();
        let advice = self.0["advice"].as_array().unwrap().iter();
        let of_them = advice.filter(|one| actions.iter().any(|action| one["action"] == *action));
        let promised = of_them.filter(|one| one["frees_at_most"] == false);
        promised
            .map(|one| one["frees_refs"].as_i64().unwrap())
            .max()
    }

    /// The targets of an action that is advised.
    pub fn advice(&self, action: &str) -> impl Iterator<Item = Option<&str>> {
        let advice = self.0["advice"].as_array().unwrap().iter();
        advice
            .filter(move |advice| advice["action"] == action)
            .map(|advice| advice["target"].as_str())
    }
}

/// `major:minor` of the device that a file is on.
pub fn device(file: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let device = file.symlink_metadata().unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    format!("{major}:{minor}")
}
