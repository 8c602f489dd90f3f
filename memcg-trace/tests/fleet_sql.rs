//! The questions of `docs/fleet/questions.sql`, asked of the records of a hundred hosts. Needs a Python
//! with duckdb (from PyPI): `DUCKDB_PYTHON=python3 cargo test --test fleet_sql -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use fixture::{demo, pins, slab_walk, snapshots, waits};
use memcg_trace::deadlock::State;
use memcg_trace::model::zombies;
use memcg_trace::output::ndjson::Ndjson;
use memcg_trace::sample::Sample;
use memcg_trace::sample::recording::Host;
use serde_json::Value;

const HOSTS: usize = 100;

/// Prints the rows of each question as JSON, one question a line.
const ASK: &str = "
import duckdb, json
for statement in duckdb.extract_statements(open('questions.sql').read()):
    result = duckdb.execute(statement)
    if statement.type == duckdb.StatementType.SELECT:
        print(json.dumps(result.fetchall(), default=str))
";

/// What is true of the hosts.
#[derive(Default)]
struct Truth {
    zombies: u64,
    deadlocked: usize,
    memcgs: u64,
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
        let all = snapshots(&kinds[number % kinds.len()]());
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

#[test]
#[ignore = "needs a Python with duckdb, named by DUCKDB_PYTHON"]
fn a_hundred_hosts_answer() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet_sql");
    let _ = fs::remove_dir_all(&folder);
    let truth = write_hosts(&folder);
    let questions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fleet/questions.sql");
    fs::copy(questions, folder.join("questions.sql")).unwrap();
    let python = std::env::var_os("DUCKDB_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    let output = command
        .args(["-c", ASK])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let answers: Vec<Value> = answers.collect();
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
    ] = answers.as_slice()
    else {
        panic!("{} answers", answers.len());
    };
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
    let is_critical = findings
        .as_array()
        .unwrap()
        .iter()
        .all(|row| row[1].is_string());
    assert!(is_critical, "{findings}");
    assert_eq!(dead.as_array().unwrap().len(), 20);
    assert!(sum(ids, 1) <= truth.memcgs && sum(ids, 1) > 0);
    assert!(losses.is_array());
}
