//! The choice of a hook's variant: decided from facts, before anything is tried.

use crate::kernel::hooks::facts::Facts;
use crate::kernel::hooks::{At, Family, Hook, Part, Variant, tracepoint_of};
use crate::sample::doctor;

/// The outcome of attaching a hook.
#[derive(Debug)]
pub struct Outcome {
    pub hook: &'static Hook,
    /// The variant that was attached; `None` if none could be.
    pub chosen: Option<&'static Variant>,
    /// The variants in the order tried, with the reason why each was not taken.
    pub tried: Vec<(&'static Variant, Option<String>)>,
}

impl Outcome {
    /// The reason why no variant is attached, in one line; `None` if one is.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        if self.chosen.is_some() {
            return None;
        }
        let errors = self.tried.iter().filter_map(|(_, error)| error.as_deref());
        Some(errors.collect::<Vec<_>>().join("; "))
    }

    /// The message to a user who asked for a family that this hook has and the kernel refused.
    #[must_use]
    pub fn refused(&self, asked: Option<Family>) -> Option<String> {
        let asked = asked?;
        if self.chosen.is_none_or(|chosen| chosen.family == asked) {
            return None;
        }
        let mut of_it = self
            .tried
            .iter()
            .filter(|(variant, _)| variant.family == asked);
        let why = of_it.find_map(|(_, error)| error.as_deref())?;
        let (name, asked) = (self.hook.name, asked.name());
        let chosen = self.chosen.map(describe).unwrap_or_default();
        Some(format!("{name}: no {asked} here ({why}); {chosen} serves"))
    }

    /// The row of this hook in `doctor`.
    #[must_use]
    pub fn report(&self) -> doctor::Hook {
        doctor::Hook {
            fact: self.hook.name.to_owned(),
            chosen: self.chosen.map(describe),
            blind_to: (self.chosen.map(|chosen| chosen.blind_to))
                .filter(|blind_to| !blind_to.is_empty())
                .map(str::to_owned),
            tried: self
                .tried
                .iter()
                .map(|(variant, error)| doctor::Tried {
                    variant: describe(variant),
                    error: error.clone(),
                })
                .collect(),
        }
    }
}

/// A variant in one line, such as `tracepoint:contention_begin+tracepoint:contention_end`.
fn describe(variant: &Variant) -> String {
    let names: Vec<_> = variant
        .parts
        .iter()
        .filter(|part| !part.optional)
        .map(|part| part.at.name())
        .collect();
    names.join("+")
}

/// The outcome that the facts predict, without trying.
#[must_use]
pub fn predict(facts: &Facts, hook: &'static Hook, asked: Option<Family>) -> Outcome {
    try_in_order(hook, asked, |variant| match obstacles(variant, facts) {
        Some(why) => Err(why),
        None => Ok(()),
    })
}

/// Tries the variants of a hook until one is taken.
pub(crate) fn try_in_order(
    hook: &'static Hook,
    asked: Option<Family>,
    mut take: impl FnMut(&Variant) -> Result<(), String>,
) -> Outcome {
    let mut outcome = Outcome {
        hook,
        chosen: None,
        tried: Vec::new(),
    };
    for variant in candidates(hook, asked) {
        if outcome.chosen.is_some() {
            outcome.tried.push((variant, None));
            continue;
        }
        match take(variant) {
            Ok(()) => {
                outcome.chosen = Some(variant);
                outcome.tried.push((variant, None));
            }
            Err(why) => outcome.tried.push((variant, Some(why))),
        }
    }
    outcome
}

/// The reason why a part cannot be attached, as far as the facts tell.
#[must_use]
pub fn obstacle(part: &Part, facts: &Facts) -> Option<String> {
    obstacle_at(part.at, facts)
}

fn obstacle_at(at: At, facts: &Facts) -> Option<String> {
    match at {
        At::Tracepoint(name) if !facts.has_tracepoint(name) => {
            Some(format!("no tracepoint {name}"))
        }
        At::Tracepoint(_) => facts.refusals.as_ref()?.tracepoint.clone(),
        At::Kprobe(name) => facts.kprobe_obstacle(name),
        At::Traceiter(name) => obstacle_at(At::Tracepoint(tracepoint_of(name)), facts)
            .or_else(|| facts.kprobe_obstacle(name)),
        At::Fentry(name) | At::Fexit(name) => facts.trampoline_obstacle(name),
    }
}

/// The reason why a variant cannot be used, as far as the facts tell.
#[must_use]
pub fn obstacles(variant: &Variant, facts: &Facts) -> Option<String> {
    if let Some(ruled_out) = variant.ruled_out
        && facts
            .resolved
            .as_ref()
            .is_none_or(|resolved| (ruled_out.when)(&resolved.layout))
    {
        return Some(match facts.has_symbols() {
            true => ruled_out.why.to_owned(),
            false => format!("as far as is known without symbols, {}", ruled_out.why),
        });
    }
    variant
        .parts
        .iter()
        .filter(|part| !part.optional)
        .find_map(|part| obstacle(part, facts))
}

/// The variants of a hook in the order to try them: those of the requested family first;
/// trampolines only on request.
pub fn candidates(hook: &Hook, asked: Option<Family>) -> Vec<&'static Variant> {
    let mut all: Vec<_> = hook
        .variants
        .iter()
        .filter(|variant| variant.family != Family::Trampoline || asked == Some(Family::Trampoline))
        .collect();
    all.sort_by_key(|variant| asked.is_some_and(|family| variant.family != family));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::hooks::HOOKS;

    #[test]
    fn trampolines_are_for_those_who_ask() {
        for hook in HOOKS {
            for asked in [None, Some(Family::Kprobe), Some(Family::Tracepoint)] {
                let all = candidates(hook, asked);
                assert!(!all.is_empty(), "{}", hook.name);
                assert!(
                    all.iter()
                        .all(|variant| variant.family != Family::Trampoline)
                );
            }
            assert_eq!(
                candidates(hook, Some(Family::Trampoline)).len(),
                hook.variants.len()
            );
        }
    }

    #[test]
    fn the_family_asked_for_comes_first() {
        let slab_free = HOOKS.iter().find(|hook| hook.name == "slab_free").unwrap();
        assert_eq!(candidates(slab_free, None)[0].family, Family::Kprobe);
        assert_eq!(
            candidates(slab_free, Some(Family::Tracepoint))[0].family,
            Family::Tracepoint
        );
        assert_eq!(
            candidates(slab_free, Some(Family::Trampoline))[0].family,
            Family::Trampoline
        );
    }
}
