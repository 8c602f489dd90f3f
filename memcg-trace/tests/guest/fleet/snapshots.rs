//! Snapshots of the service, and the series that Prometheus made of the same ones.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::http::get;
use super::prometheus::{Series, query};

const PORT: u16 = 10_977;
/// Snapshots that are kept: Prometheus has one of some seconds ago.
const KEPT: usize = 120;

/// Snapshots by their time in milliseconds, each as its records.
#[derive(Default)]
pub struct Snapshots(BTreeMap<u64, Vec<Value>>);

/// Numbers of figures that are the same in both.
#[derive(Debug, Default)]
pub struct Agreed {
    pub zombies: f64,
    pub proven: f64,
    /// Memory cgroups whose slab was compared, and pairs of one and a cache.
    pub slab: usize,
    pub shares: usize,
}

fn milliseconds(record: &Value) -> u64 {
    let time: jiff::Timestamp = record["time"].as_str().unwrap().parse().unwrap();
    u64::try_from(time.as_millisecond()).unwrap()
}

impl Snapshots {
    /// Compares the series of the last scrape with the snapshot that they were made of, if that is
    /// known and what was found is `enough`.
    pub fn agree(&mut self, enough: impl Fn(&Agreed) -> bool) -> Result<Agreed, String> {
        let records: Vec<Value> =
            serde_json::from_str(&get(PORT, "/snapshot.json", "application/json")?).unwrap();
        self.0.insert(milliseconds(&records[0]), records);
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
        let series = query("{__name__=~\"memcg_trace_.*\"}")?;
        let time = value(&series, "memcg_trace_snapshot_timestamp_seconds", &[]);
        let time = Duration::from_secs_f64(time.ok_or("no scrape yet")?);
        let time = u64::try_from(time.as_millis()).unwrap();
        let mut same = self.0.range(time - 1..=time + 1);
        let (_, records) = same.next().ok_or("that snapshot was not seen")?;
        let agreed = compare(&series, records);
        match enough(&agreed) {
            true => Ok(agreed),
            false => Err(format!("{agreed:?}")),
        }
    }
}

/// The value of the one series with that name and these labels among its own.
fn value(series: &[Series], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let is = |one: &&Series| {
        let has = |key: &str, value: &str| one.labels.get(key).is_some_and(|own| own == value);
        has("__name__", name) && labels.iter().all(|(key, value)| has(key, value))
    };
    let mut found = series.iter().filter(is);
    let value = found.next()?.value;
    assert!(
        found.next().is_none(),
        "{name} {labels:?} is not one series"
    );
    Some(value)
}

fn compare(series: &[Series], records: &[Value]) -> Agreed {
    let of = |kind: &str| -> Vec<&Value> {
        let found = records.iter().filter(|record| record["type"] == kind);
        found.map(|record| &record["data"]).collect()
    };
    let mut agreed = Agreed::default();
    let zombies = series.iter();
    let zombies = zombies.filter(|one| one.labels["__name__"] == "memcg_trace_zombies");
    agreed.zombies = zombies.map(|one| one.value).sum();
    assert_eq!(Some(agreed.zombies), of("tax")[0]["zombies"].as_f64());

    let deadlocks = of("deadlock");
    for state in ["confirmed", "suspected"] {
        let found = deadlocks.iter().filter(|one| one["state"] == state);
        let found = found.count() as f64;
        // No series before the first look at all tasks.
        let of_prometheus = value(series, "memcg_trace_deadlocks", &[("state", state)]);
        assert_eq!(of_prometheus.unwrap_or(0.0), found, "{state}");
        if state == "confirmed" {
            agreed.proven = found;
        }
    }

    for memcg in of("memcg") {
        let path = memcg["path"].as_str().unwrap();
        let labels = [("path", path)];
        if let Some(slab) = value(series, "memcg_trace_memcg_slab_bytes", &labels)
            && memcg["alive"] == true
        {
            assert_eq!(Some(slab), memcg["slab_bytes"].as_f64(), "{path}");
            agreed.slab += 1;
        }
    }
    for row in of("slab") {
        let [path, cache] = ["path", "cache"].map(|key| (key, row[key].as_str().unwrap()));
        if let Some(share) = value(series, "memcg_trace_slab_share_bytes", &[path, cache]) {
            assert_eq!(
                Some(share),
                row["share_bytes"].as_f64(),
                "{path:?} {cache:?}"
            );
            agreed.shares += 1;
        }
    }
    agreed
}
