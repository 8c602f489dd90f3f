//! Metrics as text: OpenMetrics, and the older format of Prometheus, which the files that
//! node_exporter reads are in.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::family::{Families, Family, Number};

/// A format of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
}

impl Format {
    /// Its name in HTTP.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
        }
    }

    /// What a whole text ends with.
    #[must_use]
    pub fn end(self) -> &'static str {
        match self {
            Self::OpenMetrics => "# EOF\n",
            Self::Prometheus => "",
        }
    }
}

/// The metrics as text, without the end that the format asks for, so that more may follow.
#[must_use]
pub fn encode(families: Families, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(families));
    let mut written = String::new();
    // Writing to a String does not fail.
    let _ = match format {
        Format::OpenMetrics => text::encode_registry(&mut written, &registry),
        Format::Prometheus => prometheus_text::encode(&mut written, &registry),
    };
    written
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0 {
            write(family, &mut encoder)?;
        }
        Ok(())
    }
}

fn write(family: &Family, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let unit = family.unit.map(|unit| Unit::Other(unit.to_owned()));
    let kind = match family.is_counter {
        true => MetricType::Counter,
        false => MetricType::Gauge,
    };
    let mut metric = encoder.encode_descriptor(&family.stem, &family.help, unit.as_ref(), kind)?;
    for (labels, number) in &family.series {
        let is_counter = family.is_counter;
        if labels.is_empty() {
            value(&mut metric, is_counter, *number)?;
        } else {
            value(&mut metric.encode_family(labels)?, is_counter, *number)?;
        }
    }
    Ok(())
}

fn value(metric: &mut MetricEncoder<'_>, is_counter: bool, number: Number) -> fmt::Result {
    const NONE: Option<&Exemplar<NoLabelSet, f64>> = None;
    match (is_counter, number) {
        (true, Number::Count(count)) => metric.encode_counter(&count, NONE),
        (true, number) => metric.encode_counter(&number.as_f64(), NONE),
        (false, Number::Count(count)) => metric.encode_gauge(&count),
        (false, Number::Signed(number)) => metric.encode_gauge(&number),
        (false, Number::Real(number)) => metric.encode_gauge(&number),
    }
}
