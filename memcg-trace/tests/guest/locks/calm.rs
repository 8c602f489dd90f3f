//! A healthy host: each answer has to be that there is no deadlock.

use serde_json::Value;

use crate::tool;

#[test]
fn a_healthy_host_has_no_deadlock_ten_times_of_ten() {
    for _ in 0..10 {
        let output = tool::run(&["locks", "--json", "--fail-on", "deadlock"]);
        let document: Value = serde_json::from_str(tool::stdout(&output)).unwrap();
        let data = &document["data"];
        assert_eq!(data["summary"]["verdict"], "no_deadlock", "{data:#}");
        assert_eq!(data["summary"]["known_bugs"], Value::Array(Vec::new()));
        assert_eq!(output.status.code(), Some(0), "{}", tool::stderr(&output));
    }
}
