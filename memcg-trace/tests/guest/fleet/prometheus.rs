//! Prometheus by its query API.

use std::collections::BTreeMap;

use serde_json::Value;

use super::http::{get, quoted};
use crate::host::eventually;

const PORT: u16 = 9090;

/// A series, and its value of the last scrape.
#[derive(Debug)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

fn api(path: &str) -> Result<Value, String> {
    let answer = get(PORT, path, "application/json")?;
    let mut answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
    match answer["status"] == "success" {
        true => Ok(answer["data"].take()),
        false => Err(answer.to_string()),
    }
}

/// All series that an expression selects, of one scrape.
pub fn query(expression: &str) -> Result<Vec<Series>, String> {
    let data = api(&format!("/api/v1/query?query={}", quoted(expression)))?;
    let results = data["result"].as_array().unwrap().iter();
    let series = results.map(|one| {
        let labels = one["metric"].as_object().unwrap().iter();
        Series {
            labels: labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            value: one["value"][1].as_str().unwrap().parse().unwrap(),
        }
    });
    Ok(series.collect())
}

/// The one value of an expression.
pub fn one(expression: &str) -> Result<f64, String> {
    match &query(expression)?[..] {
        [series] => Ok(series.value),
        other => Err(format!("{expression}: {other:?}")),
    }
}

/// Alerts by name, with their states.
pub fn alerts() -> Result<Vec<(String, String)>, String> {
    let data = api("/api/v1/alerts")?;
    let alerts = data["alerts"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Ok(alerts
        .map(|alert| (text(&alert["labels"]["alertname"]), text(&alert["state"])))
        .collect())
}

/// Waits until there were two minutes of scrapes, none of which failed.
pub fn has_scraped_for_two_minutes() {
    let up = "up{job=\"memcg-trace\"}";
    let scrapes = eventually("two minutes of scrapes", || {
        let first = one(&format!("timestamp({up}) - timestamp({up} offset 2m)"))?;
        match first >= 100.0 {
            true => one(&format!("count_over_time({up}[2m])")),
            false => Err(format!("{first} s")),
        }
    });
    assert_eq!(one(&format!("min_over_time({up}[2m])")), Ok(1.0));
    println!("{scrapes} scrapes in two minutes, none of which failed");
    assert!(scrapes >= 7.0);
}
