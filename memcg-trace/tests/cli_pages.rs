//! Pages of the manual and completions, which are made of the command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue says where")]

use std::process::{Command, Output, Stdio};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memcg-trace"));
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that help lists.
fn verbs() -> Vec<String> {
    let help = text(&["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap();
    let list = list.split("\n\n").next().unwrap();
    let verbs = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<String> = verbs
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|verb| verb != "help")
        .collect();
    assert!(verbs.len() > 12, "{verbs:?}");
    verbs
}

#[test]
fn each_verb_has_a_page() {
    let program = text(&["man"]);
    assert!(program.contains(".TH memcg-trace 1"));
    for verb in verbs() {
        assert!(
            program.contains(&format!("memcg\\-trace\\-{verb}(1)")),
            "{verb}"
        );
        let page = text(&["man", &verb]);
        assert!(
            page.contains(&format!(".TH memcg-trace-{verb} 1")),
            "{page}"
        );
    }
    let slab = text(&["man", "slab"]);
    assert!(slab.contains("\\-\\-inside") && slab.contains("\\-\\-cgroup"));
    assert!(!slab.contains("walk\\-budget"), "slab does not use it");
    let output = run(&["man", "slap"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no verb slap; there are live")
    );
}

#[test]
fn each_shell_gets_all_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&["completions", shell]);
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell}: {verb}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
    // The scripts of these shells are read without an error, where the shell is there.
    let script = text(&["completions", "bash"]);
    let checked = Command::new("bash")
        .args(["-n", "-c", &script])
        .status()
        .unwrap();
    assert!(checked.success());
}
