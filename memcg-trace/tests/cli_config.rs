//! The configuration file: values of flags, after those of the command line and the environment.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

mod fixture;
#[expect(dead_code, reason = "only what runs the program is needed here")]
mod tool;

use std::fs;
use std::path::Path;
use std::process::Output;

use fixture::{demo, host};
use tool::{file, memcg_trace, recording, run, stderr, stdout};

fn with(config: &str, args: &[&str], environment: &[(&str, &str)]) -> Output {
    let test = std::thread::current();
    let path = file(&format!("{}.toml", test.name().unwrap()), config.as_bytes());
    let mut command = memcg_trace(args);
    command.env("MEMCG_TRACE_CONFIG", path);
    command.envs(environment.iter().copied());
    command.output().unwrap()
}

fn frames(output: &Output) -> usize {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stdout(output).matches(r#""type":"frame""#).count()
}

fn assert_refused(config: &str, args: &[&str], said: &str) {
    let output = with(config, args, &[]);
    assert_eq!(output.status.code(), Some(2), "{config}");
    let error = stderr(&output);
    assert!(
        error.starts_with("error: ") && error.contains(".toml: "),
        "{error}"
    );
    assert!(error.contains(said), "{error:?} lacks {said:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let path = recording("precedence", host(), &demo());
    let config = "[export]\ncount = 1\n";
    let export = ["export", "--from", &path];
    assert_eq!(frames(&with(config, &export, &[])), 1);
    let environment = [("MEMCG_TRACE_COUNT", "2")];
    assert_eq!(frames(&with(config, &export, &environment)), 2);
    let flag = [&export[..], &["--count", "3"]].concat();
    assert_eq!(frames(&with(config, &flag, &environment)), 3);
    assert_eq!(frames(&with(config, &flag, &[])), 3);
}

#[test]
fn a_table_is_for_one_verb_and_wins_over_what_is_for_all() {
    let path = recording("table", host(), &demo());
    let rows = |config: &str, args: &[&str], environment: &[(&str, &str)]| {
        let args = [args, &["--from", &path]].concat();
        let output = with(config, &args, environment);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let document: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        document["data"]["items"].as_array().unwrap().len()
    };
    let config = "top = 3\njson = true\n[zombies]\ntop = 2\n[live]\ntop = 5\n";
    assert_eq!(rows(config, &[], &[]), 3);
    assert_eq!(rows(config, &["live"], &[]), 5);
    assert_eq!(rows(config, &["zombies"], &[]), 2);
    let environment = [("MEMCG_TRACE_TOP", "1")];
    assert_eq!(rows(config, &["zombies"], &environment), 1);
    // Before the verb as well as behind it.
    assert_eq!(rows(config, &["--top", "3", "zombies"], &environment), 3);
    assert_eq!(rows(config, &["zombies", "--top", "3"], &[]), 3);
}

#[test]
fn a_switch_can_be_turned_off_by_the_environment() {
    let path = recording("switch", host(), &demo());
    let zombies = ["zombies", "--from", &path];
    let is_json = |environment: &[(&str, &str)]| {
        stdout(&with("json = true\n", &zombies, environment)).starts_with('{')
    };
    assert!(is_json(&[]));
    assert!(!is_json(&[("MEMCG_TRACE_JSON", "0")]));
}

#[test]
fn what_a_flag_excludes_does_not_come_from_the_file() {
    let path = recording("excluded", host(), &demo());
    let config = "json = true\n[zombies]\nby = \"origin\"\n";
    let kind = |args: &[&str]| {
        let output = with(config, &[&["zombies", "--from", &path], args].concat(), &[]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let document: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        document["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&[]), "origin");
    assert_eq!(kind(&["--abandoned"]), "empty_cgroup");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    for (config, said) in [
        (
            "intervall = \"5s\"\n",
            "line 1: unknown key intervall; did you mean interval?",
        ),
        (
            "\n# A comment\nnear_high = 80\n",
            "line 3: unknown key near_high; did you mean near-high?",
        ),
        (
            "[serve]\nlistn = \"x\"\n",
            "line 2: unknown key listn; did you mean listen?",
        ),
        ("[serv]\n", "line 1: no verb [serv]; did you mean serve?"),
        (
            "qwyx = 1\n",
            "line 1: unknown key qwyx; there are attach, cgroup, color, from",
        ),
        ("listen = \"x\"\n", "line 1: listen is a key of [serve]"),
        (
            "pins = true\n",
            "line 1: pins is a key of [zombies], [record], [serve]",
        ),
        (
            "[export]\nlisten = \"x\"\n",
            "line 2: listen is a key of [serve]",
        ),
        ("[record]\ntop = 3\n", "line 2: record does not use top"),
        ("config = \"x\"\n", "line 1: unknown key config"),
        ("help = true\n", "line 1: unknown key help"),
        ("[help]\n", "line 1: no verb [help]"),
        ("[record]\nfile = \"x\"\n", "line 2: unknown key file"),
        // The verb that is run has no part in what is refused.
        (
            "quiet = true\n[locks]\nmin-wait = \"2s\"\nwhich = 1\n",
            "line 4: unknown key which",
        ),
    ] {
        assert_refused(config, &["zombies"], said);
        assert_refused(config, &[], said);
    }
}

#[test]
fn values_are_those_of_the_command_line() {
    for (config, said) in [
        (
            "interval = \"1ms\"\n",
            "line 1: invalid value '1ms' for '--interval <TIME>': must be 10ms or more",
        ),
        ("interval = -1\n", "line 1: invalid value '-1'"),
        (
            "color = \"sometimes\"\n",
            "possible values: auto, always, never",
        ),
        (
            "\n[serve]\nmax-series = 3\n",
            "line 3: invalid value '3' for '--max-series <N>'",
        ),
        ("json = 1\n", "line 1: json is true or false"),
        (
            "top = true\n",
            "line 1: top needs a value, not true or false",
        ),
        ("verbose = -1\n", "line 1: verbose is a number"),
        (
            "cgroup = [\"/a\", \"/b\"]\n",
            "line 1: cgroup has one value, not a list",
        ),
        (
            "[locks]\nmin-wait.of = 1\n",
            "line 2: min-wait has one value, not a table",
        ),
        ("[zombies]\npins = true\n", "--by <WHAT>"),
        (
            "[zombies]\nby = \"origin\"\nabandoned = true\n",
            "cannot be used with",
        ),
        ("top = 3\ntop = 4\n", "line 2: "),
        ("top = \n", "line 1: "),
        ("\u{1b}[31m = 3\n", "line 1: "),
        ("\"\\u001b[31m\" = 3\n", "unknown key \u{fffd}[31m"),
    ] {
        assert_refused(config, &["zombies"], said);
    }
    let path = recording("values", host(), &demo());
    let config = "interval = 2\nwalk-budget = 0.5\nnear-high = 80\nverbose = 2\nquiet = false\n";
    let output = with(config, &["zombies", "--from", &path], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

/// The flags that the help of a verb lists.
fn flags_of(verb: &str) -> Vec<String> {
    let help = stdout(&run(&[verb, "--help"]));
    let lines = help.lines().filter_map(|line| {
        let text = line.trim_start();
        let name = text.split_once(", ").map_or(text, |(_, name)| name);
        let name = [name, text]
            .into_iter()
            .find_map(|name| name.strip_prefix("--"))?;
        // Texts are further to the right.
        let is_flag = line.len() - text.len() <= 6;
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        is_flag.then(|| name[..end.unwrap_or(name.len())].to_owned())
    });
    lines
        .filter(|flag| !["config", "help", "version"].contains(&flag.as_str()))
        .collect()
}

#[test]
fn each_flag_is_a_key() {
    let mut seen = 0;
    for verb in [
        "live",
        "zombies",
        "pins",
        "why",
        "locks",
        "slab",
        "shrinkers",
        "reclaim",
        "export",
        "record",
        "replay",
        "serve",
        "compare",
        "doctor",
        "schema",
    ] {
        for flag in flags_of(verb) {
            seen += 1;
            let config = format!("[{verb}]\n{flag} = []\n");
            assert_refused(
                &config,
                &["schema"],
                &format!("{flag} has one value, not a list"),
            );
        }
    }
    assert!(seen > 100, "{seen} flags");
}

#[test]
fn only_the_usual_file_may_be_missing() {
    let output = run(&["schema", "memcg", "--config", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("/no/such/file: No such file"), "{said}");
    // It has no end.
    let output = run(&["schema", "memcg", "--config", "/dev/zero"]);
    assert!(
        stderr(&output).contains("/dev/zero: larger than 1 MiB"),
        "{}",
        stderr(&output)
    );
    let output = run(&["schema", "memcg", "--config", "/dev/null"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn the_manual_and_completions_do_not_depend_on_the_file() {
    for args in [&["man", "serve"][..], &["completions", "bash"], &["schema"]] {
        let plain = stdout(&run(args));
        let output = with("top = 3\n[serve]\nmax-series = 900\n", args, &[]);
        assert_eq!(stdout(&output), plain, "{args:?}");
    }
}

#[test]
fn the_example_is_taken_with_each_line_in_use() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/memcg-trace.toml");
    let example = fs::read_to_string(path).unwrap();
    assert_eq!(
        with(&example, &["schema", "memcg"], &[]).status.code(),
        Some(0)
    );
    let in_use: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with([' ', '#']) => setting,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(in_use.matches(" = ").count() >= 10, "{in_use}");
    let output = with(&in_use, &["schema", "memcg"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
