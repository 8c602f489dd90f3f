//! The list of what is in the binary (SBOM), in the format CycloneDX.

use serde_json::{Value, json};

use super::crates::Crate;

const NAME: &str = "memcg-trace";

/// The document; `libc` and `compiler` are names with versions.
pub fn document(crates: &[Crate], libc: &str, compiler: &str) -> Value {
    let main = crates.iter().find(|one| one.name == NAME);
    let others = crates.iter().filter(|one| one.name != NAME);
    let mut components: Vec<Value> = others.map(component).collect();
    components.push(system("glibc", libc, "LGPL-2.1-or-later"));
    components.push(system("rust-std", compiler, "MIT OR Apache-2.0"));
    let dependencies = crates.iter().map(|one| {
        let needs = one
            .needs
            .iter()
            .map(|(name, version)| reference(name, version));
        json!({"ref": reference(&one.name, &one.version), "dependsOn": needs.collect::<Vec<_>>()})
    });
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main.map(component)},
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    })
}

fn component(one: &Crate) -> Value {
    let kind = if one.name == NAME {
        "application"
    } else {
        "library"
    };
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(&one.name, &one.version),
        "name": one.name,
        "version": one.version,
        "licenses": [{"expression": one.licence}],
    });
    if let Some(checksum) = &one.checksum {
        component["purl"] = reference(&one.name, &one.version).into();
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// What comes from the machine that builds.
fn system(name: &str, text: &str, licence: &str) -> Value {
    let version = text.split_whitespace().nth(1).unwrap_or("unknown");
    json!({"type": "library", "name": name, "version": version,
        "licenses": [{"expression": licence}]})
}

fn reference(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}
