//! Spans as events of Chrome's format.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::gathered::Spans;
use super::span::Span;
use crate::output::plotted::PLOTTED;
use crate::output::timeline::Seen;
use crate::sample::recording::Host;
use crate::units;

/// The process of what is of the whole host. No task of user space has this number.
const HOST: u32 = 0;

/// Writes a trace as one JSON document.
#[must_use]
pub fn write(mut spans: Spans, host: &Host) -> String {
    spans.end();
    let mut events = names(&spans, host);
    let mut threads: BTreeMap<(u32, u32), Vec<&Span>> = BTreeMap::new();
    for span in &spans.ended {
        threads
            .entry((span.pid, span.id.tid))
            .or_default()
            .push(span);
    }
    let mut number = 0;
    for thread in threads.into_values() {
        of_thread(thread, &mut number, &mut events);
    }
    events.extend(moments(&spans));
    events.extend(figures(&spans));
    let mut text = String::from("{\"traceEvents\":[\n");
    for (at, event) in events.iter().enumerate() {
        text += if at == 0 { "" } else { ",\n" };
        text += &event.to_string();
    }
    let about = json!({
        "version": concat!("memcg-trace ", env!("CARGO_PKG_VERSION")),
        "host": host.host.display(),
        "left_out": spans.left_out,
    });
    text += &format!("\n],\"displayTimeUnit\":\"ms\",\"otherData\":{about}}}\n");
    text
}

/// The names of processes and threads.
fn names(spans: &Spans, host: &Host) -> Vec<Value> {
    let mut threads: BTreeMap<(u32, u32), &str> = BTreeMap::new();
    for span in &spans.ended {
        threads.insert((span.pid, span.id.tid), &span.comm);
    }
    let event = |what, pid, tid, name: &str| json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0.0, "args": {"name": name}});
    let all = format!("host {}", host.host.display());
    let mut events = vec![event("process_name", HOST, HOST, &all)];
    for ((pid, tid), comm) in threads {
        // The first thread has the name of the process, if it is there.
        if pid == tid {
            events.push(event("process_name", pid, tid, comm));
        }
        events.push(event("thread_name", pid, tid, comm));
    }
    events
}

/// The spans of a thread. One that does not nest has an event for each of its ends.
fn of_thread(mut thread: Vec<&Span>, number: &mut u64, events: &mut Vec<Value>) {
    thread.sort_by_key(|span| {
        (
            span.id.begin_ns,
            Reverse(span.end_ns),
            span.kind,
            span.id.object,
        )
    });
    let mut around: Vec<u64> = Vec::new();
    for span in thread {
        let begin_ns = span.id.begin_ns;
        around.retain(|end_ns| *end_ns > begin_ns);
        let fits = around.last().is_none_or(|end_ns| span.end_ns <= *end_ns);
        if span.kind.nests() && fits {
            around.push(span.end_ns);
            let mut event = base("X", span, begin_ns);
            event["dur"] = micros(span.end_ns - begin_ns);
            event["args"] = more(span);
            events.push(event);
            continue;
        }
        *number += 1;
        for (phase, at_ns) in [("b", begin_ns), ("e", span.end_ns)] {
            let mut event = base(phase, span, at_ns);
            event["id"] = json!(*number);
            if phase == "b" {
                event["args"] = more(span);
            }
            events.push(event);
        }
    }
}

fn base(phase: &str, span: &Span, at_ns: u64) -> Value {
    json!({
        "ph": phase,
        "cat": span.kind.category(),
        "name": span.name,
        "pid": span.pid,
        "tid": span.id.tid,
        "ts": micros(at_ns),
    })
}

/// The facts of a span beside its times, and until when it may have lasted.
fn more(span: &Span) -> Value {
    let more = span.more.iter();
    let mut all: Map<String, Value> = more
        .map(|(name, text)| ((*name).to_owned(), json!(text)))
        .collect();
    let end = match span.gone_by_ns {
        Some(gone_ns) => {
            let later = units::duration(Some(gone_ns.saturating_sub(span.end_ns)));
            format!("at most {later} later")
        }
        None => "in progress when it was last looked at".to_owned(),
    };
    all.insert("ended".to_owned(), json!(end));
    Value::Object(all)
}

fn moments(spans: &Spans) -> impl Iterator<Item = Value> {
    spans.moments.iter().map(|moment| {
        json!({
            "ph": "i",
            "s": "g",
            "cat": "finding",
            "name": moment.kind,
            "pid": HOST,
            "tid": HOST,
            "ts": micros(moment.at_ns),
            "args": {"sentence": moment.sentence},
        })
    })
}

/// The figures over time, as counters.
fn figures(spans: &Spans) -> Vec<Value> {
    let mut events = Vec::new();
    for (at, plotted) in PLOTTED.iter().enumerate() {
        for (begin_ns, seen) in spans.figures.of(at) {
            if let Seen::Known(range) = seen {
                events.push(json!({
                    "ph": "C",
                    "name": plotted.title,
                    "pid": HOST,
                    "tid": HOST,
                    "ts": micros(begin_ns),
                    "args": {plotted.key: range.last},
                }));
            }
        }
    }
    events
}

/// Microseconds, with three decimals.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact for as long as a host has been up for less than a hundred days, and to the \
              microsecond after that"
)]
fn micros(ns: u64) -> Value {
    json!(ns as f64 / 1e3)
}
