//! Verdicts on subjects from when their figures were near their highest: a host that is well at the
//! end may have been ill before.

use crate::model::snapshot::Snapshot;
use crate::output::verdicts::{self, Subject, Verdict};

/// A figure has to grow by one in so many for another verdict: verdicts cost more than figures.
const ONE_IN: u64 = 10;

/// A verdict of an earlier moment.
#[derive(Clone, Debug)]
pub(super) struct Peak {
    figure: u64,
    pub(super) at_ns: u64,
    pub(super) verdict: Verdict,
}

/// The verdicts on all subjects when their figures were near their highest.
#[derive(Clone, Debug, Default)]
pub(super) struct Peaks([Option<Peak>; Subject::ALL.len()]);

impl Peaks {
    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        for (peak, subject) in self.0.iter_mut().zip(Subject::ALL) {
            let Some(figure) = subject.figure(snapshot).filter(|figure| *figure > 0) else {
                continue;
            };
            let least = peak
                .as_ref()
                .map_or(0, |peak| peak.figure.saturating_add(peak.figure / ONE_IN));
            if figure > least {
                *peak = Some(Peak {
                    figure,
                    at_ns: snapshot.mono_ns,
                    verdict: verdicts::of(subject, snapshot),
                });
            }
        }
    }

    pub(super) fn of(&self, subject: Subject) -> Option<&Peak> {
        let peaks = Subject::ALL.into_iter().zip(&self.0);
        let mut peaks = peaks.filter(|(one, _)| *one == subject);
        peaks.next()?.1.as_ref()
    }
}
