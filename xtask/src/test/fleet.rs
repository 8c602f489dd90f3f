//! What is for many hosts, tried with the programs that it is for: alerts, the dashboard and questions
//! in SQL.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::host::{cargo, row};
use super::row::Row;
use crate::setup::timings::Timings;
use crate::setup::tools::PROMTOOL;
use crate::setup::{self, Needs};
use crate::{child, places};

/// Reads the alerts, and tries each on hosts that have the problem and on twins that have not.
pub fn alerts() -> Row {
    row("alerts, by promtool".into(), || {
        let folder = places::repository()?.join("contrib/prometheus");
        for arguments in [
            ["check", "rules", "memcg-trace.rules.yml"],
            ["test", "rules", "memcg-trace.rules.test.yml"],
        ] {
            child::run(promtool()?.args(arguments).current_dir(&folder))?;
        }
        Ok(())
    })
}

/// Has Prometheus's own parser read the queries of the dashboard.
pub fn dashboard() -> Row {
    row("queries of the dashboard, by promtool".into(), || {
        let file = places::repository()?.join("contrib/grafana/memcg-trace.json");
        let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        let dashboard: Value = serde_json::from_str(&text)?;
        let panels = dashboard["panels"].as_array().context("no panels")?.iter();
        let targets = panels.filter_map(|panel| panel["targets"].as_array());
        let queries = targets.flatten().filter_map(|one| one["expr"].as_str());
        // Grafana puts values in place of its variables. Rules are what promtool checks.
        let rules = queries.map(|query| {
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$__range", "6h");
            json!({"record": "query", "expr": query.replace("$instance", ".*")})
        });
        let rules: Vec<Value> = rules.collect();
        ensure!(rules.len() > 40, "only {} queries", rules.len());
        let folder = tempfile::tempdir()?;
        let groups = json!({"groups": [{"name": "dashboard", "rules": rules}]});
        fs::write(folder.path().join("rules.yml"), groups.to_string())?;
        // Rules of one name are what its lint would report.
        let check = ["check", "rules", "--lint=none", "rules.yml"];
        child::run(promtool()?.args(check).current_dir(folder.path()))
    })
}

fn promtool() -> Result<Command> {
    let needs = Needs {
        tools: vec![&PROMTOOL],
        ..Needs::default()
    };
    setup::ensure(&needs, &mut Timings::default())?;
    PROMTOOL.command()
}

/// Asks the questions of docs/fleet in DuckDB and ClickHouse, by a Python environment in the user's
/// cache.
pub fn questions() -> Row {
    row("the questions of docs/fleet".into(), || {
        let folder = places::cache()?.join("sql");
        let python = folder.join("bin/python3");
        child::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "duckdb", "chdb"];
        child::run(Command::new(&python).args(install))?;
        let test = ["test", "--package", "memcg-trace", "--test", "fleet_sql"];
        let mut command = cargo()?;
        command.args(test).args(["--", "--ignored"]);
        child::run(command.env("SQL_PYTHON", &python))
    })
}
