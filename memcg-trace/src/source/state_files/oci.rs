//! The description of a container that runtimes give to each other (OCI runtime specification).

use serde::{Deserialize, Deserializer};

use super::kubernetes::Labels;

/// The part of it that has names.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Spec {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) annotations: Labels,
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    Option::<Labels>::deserialize(deserializer).map(Option::unwrap_or_default)
}
