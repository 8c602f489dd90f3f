//! The questions of `docs/fleet`, asked of the records of a hundred hosts, in DuckDB and in ClickHouse.
//! Needs a Python with duckdb and chdb (from PyPI):
//! `SQL_PYTHON=python3 cargo test --test fleet_sql -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use fixture::{demo, oom_kill, pins, slab_walk, snapshots, waits};
use memcg_trace::deadlock::State;
use memcg_trace::model::zombies;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Host;
use serde_json::Value;

const HOSTS: usize = 100;

/// An engine, its questions, and a program that prints the rows of each as JSON, one question a line.
struct Engine {
    name: &'static str,
    questions: &'static str,
    ask: &'static str,
}

const ENGINES: [Engine; 2] = [
    Engine {
        name: "DuckDB",
        questions: "questions.sql",
        ask: "
import duckdb, json
for statement in duckdb.extract_statements(open('questions.sql').read()):
    result = duckdb.execute(statement)
    if statement.type == duckdb.StatementType.SELECT:
        print(json.dumps(result.fetchall(), default=str))
",
    },
    Engine {
        name: "ClickHouse",
        questions: "questions.clickhouse.sql",
        // Comments have semicolons, statements have none within.
        ask: "
import chdb.session, json
lines = open('questions.clickhouse.sql').read().splitlines()
text = '\\n'.join(line for line in lines if not line.startswith('--'))
session = chdb.session.Session()
for statement in filter(None, map(str.strip, text.split(';'))):
    rows = session.query(statement, 'JSONCompactEachRow').bytes().decode()
    if statement.startswith('SELECT'):
        print(json.dumps([json.loads(row) for row in rows.splitlines()]))
",
    },
];

/// What is true of the hosts.
#[derive(Default)]
struct Truth {
    zombies: u64,
    deadlocked: usize,
    memcgs: u64,
    /// Hosts with an OOM kill, and with events that were not counted.
    ill: usize,
    lost: u64,
}

/// One host in so many is ill, all of which are of the first kind.
const ONE_IN: usize = 20;

/// Adds an OOM kill and a loss; returns how many events were lost.
fn fall_ill(sample: &mut Sample) -> u64 {
    const LOST: u64 = 7;
    sample.oom_kills = Some(vec![oom_kill(sample.mono_ns, 2)]);
    sample.losses[0].lost_total = Some(LOST);
    LOST
}

fn write_hosts(folder: &Path) -> Truth {
    let mut truth = Truth::default();
    let mut kernels = "host,kernel\n".to_owned();
    let kinds: [fn() -> Vec<Sample>; 4] = [
        demo,
        pins::demo_with_pins,
        waits::demo_with_deadlock,
        slab_walk::demo_with_slab,
    ];
    fs::create_dir_all(folder.join("records")).unwrap();
    for number in 0..HOSTS {
        let name = format!("node-{number}");
        kernels += &format!("{name},{}\n", if number % 2 == 0 { "6.12" } else { "7.2" });
        let host = Host {
            host: name.as_str().into(),
            ..fixture::host()
        };
        let file = File::create(folder.join(format!("records/{name}.ndjson"))).unwrap();
        let mut records = Ndjson::new(file, host);
        let mut samples = kinds[number % kinds.len()]();
        if number.is_multiple_of(ONE_IN) {
            truth.ill += 1;
            truth.lost += fall_ill(samples.last_mut().unwrap());
        }
        let all = snapshots(&samples);
        for snapshot in &all {
            records.write(snapshot).unwrap();
        }
        let last = all.last().unwrap();
        truth.zombies += zombies::list(last).len() as u64;
        truth.memcgs += last.memcgs.items.len() as u64;
        let is_proven = |one: &memcg_trace::model::snapshot::Deadlock| {
            one.found.state == State::Confirmed && one.resolved_ns.is_none()
        };
        truth.deadlocked += usize::from(last.deadlocks.items.iter().any(is_proven));
    }
    fs::write(folder.join("hosts.csv"), kernels).unwrap();
    truth
}

fn sum(rows: &Value, column: usize) -> u64 {
    let rows = rows.as_array().unwrap().iter();
    // Sums of large numbers come as text.
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    rows.map(|row| number(&row[column]).unwrap()).sum()
}

/// A number, which some engines write with a fraction, as another type or, if it is large, as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Rows with numbers as numbers, however they are written.
fn plain(rows: &Value) -> Vec<Vec<Value>> {
    let cell = |cell: &Value| number(cell).map_or_else(|| cell.clone(), Value::from);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row.as_array().unwrap().iter().map(cell).collect())
        .collect()
}

fn ask(engine: &Engine, folder: &Path) -> Vec<Value> {
    let name = engine.questions;
    let questions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fleet");
    fs::copy(questions.join(name), folder.join(name)).unwrap();
    let python = std::env::var_os("SQL_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.args(["-c", engine.ask]).current_dir(folder);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", engine.name);
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers = answers.lines();
    answers
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
#[ignore = "needs a Python with duckdb and chdb, named by SQL_PYTHON"]
fn a_hundred_hosts_answer() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet_sql");
    let _ = fs::remove_dir_all(&folder);
    let truth = write_hosts(&folder);
    let [duckdb, clickhouse] = ENGINES.map(|engine| ask(&engine, &folder));
    is_true(&duckdb, &truth);
    assert_eq!(duckdb.len(), clickhouse.len());
    for (at, (one, other)) in duckdb.iter().zip(&clickhouse).enumerate() {
        assert_eq!(plain(one), plain(other), "question {}", at + 1);
    }
}

fn is_true(answers: &[Value], truth: &Truth) {
    let [
        workloads,
        kinds,
        deadlocks,
        kernels,
        slab,
        stalls,
        findings,
        dead,
        ids,
        losses,
    ] = <&[Value; 10]>::try_from(answers).unwrap();
    assert_eq!(sum(workloads, 1), truth.zombies);
    assert!(sum(kinds, 1) > 0, "{kinds}");
    assert!(truth.deadlocked >= HOSTS / 4);
    assert_eq!(
        deadlocks.as_array().unwrap().len(),
        truth.deadlocked,
        "{deadlocks}"
    );
    assert_eq!(kernels.as_array().unwrap().len(), 2, "{kernels}");
    assert_eq!(sum(kernels, 3), truth.zombies, "{kernels}");
    assert!(sum(slab, 1) > 0 && sum(slab, 2) == 2 * 25, "{slab}");
    assert!(!stalls.as_array().unwrap().is_empty());
    assert_eq!(sum(findings, 3), truth.ill as u64, "{findings}");
    assert_eq!(dead.as_array().unwrap().len(), 20);
    assert!(sum(ids, 1) <= truth.memcgs && sum(ids, 1) > 0);
    assert_eq!(sum(losses, 2), truth.lost, "{losses}");
}
