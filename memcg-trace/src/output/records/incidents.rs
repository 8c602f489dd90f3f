//! Recordings of incidents as records.

use crate::output::figures::{Name, Row, Visitor, Word};
use crate::sample::incident::Recorded;
use crate::sample::sanitized;
use crate::units;

impl Row for Recorded {
    const MEANING: &'static str = "A recording of an incident.";

    fn figures<'r, V: Visitor<'r, Self>>(to: &mut V) {
        to.field("file", "Name of the file.", |row| Name::of(Some(&row.file)));
        to.field("host", "The host that it is of.", |row| {
            Name::of(Some(&row.host))
        });
        to.field("cause", "What kind of incident.", |row| {
            Word(row.incident.cause)
        });
        to.field(
            "finding",
            "What kind of finding; null if it is none, or an OOM kill.",
            |row| row.incident.finding.as_deref().map(sanitized),
        );
        to.field(
            "id",
            "Id of the finding or of the deadlock, as in their records.",
            |row| sanitized(&row.incident.id),
        );
        to.field(
            "path",
            "Path of the memory cgroup that it is about.",
            |row| Name::of(row.incident.path.as_ref()),
        );
        to.field("sentence", "What happened, in one sentence.", |row| {
            sanitized(&row.incident.sentence)
        });
        to.field("time", "When, RFC 3339.", |row| {
            units::time(row.incident.unix_ns)
        });
        to.field("mono_ns", "The same, CLOCK_MONOTONIC.", |row| {
            row.incident.mono_ns
        });
        to.field(
            "before_ns",
            "How far back it reaches; null if it has no sample from before.",
            |row| row.before_ns,
        );
        to.field("wanted_before_ns", "How far back it should reach.", |row| {
            row.incident.wanted_before_ns
        });
        to.field("short", "Why it reaches back less.", |row| {
            row.incident.short.as_deref().map(sanitized)
        });
        to.field(
            "after_ns",
            "How long it continues; null if the incident itself is missing.",
            |row| row.after_ns,
        );
        to.field("wanted_after_ns", "How long it should continue.", |row| {
            row.incident.wanted_after_ns
        });
        to.field("samples", "Samples that it has.", |row| row.samples);
        to.field("size_bytes", "Size of the file.", |row| row.size_bytes);
        to.field("state", "How whole it is.", |row| Word(row.wholeness));
        to.field("why", "What is wrong with it.", |row| {
            row.why.as_deref().map(sanitized)
        });
    }
}
