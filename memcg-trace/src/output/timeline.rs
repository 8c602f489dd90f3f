//! Figures over time, in a bounded number of steps: a long recording has more samples than a page
//! can show.

/// The most steps.
pub(super) const MAX_STEPS: usize = 240;
/// The width of a step while there are few samples.
const LEAST_STEP_NS: u64 = 100_000_000;

/// The values of a figure within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) last: u64,
}

/// The values of a figure within a step, if it has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no sample.
    #[default]
    Nothing,
    /// There are samples, and none has the figure.
    Unknown,
    Known(Range),
}

impl Seen {
    fn then(self, later: Self) -> Self {
        match (self, later) {
            (Self::Known(a), Self::Known(b)) => Self::Known(Range {
                first: a.first,
                least: a.least.min(b.least),
                most: a.most.max(b.most),
                last: b.last,
            }),
            (known @ Self::Known(_), _) | (_, known @ Self::Known(_)) => known,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Nothing, Self::Nothing) => Self::Nothing,
        }
    }
}

/// Some figures over time.
#[derive(Clone, Debug)]
pub(super) struct Timeline<const FIGURES: usize> {
    begin_ns: u64,
    step_ns: u64,
    steps: Vec<[Seen; FIGURES]>,
}

impl<const FIGURES: usize> Timeline<FIGURES> {
    pub(super) fn beginning_at(mono_ns: u64) -> Self {
        Self {
            begin_ns: mono_ns,
            step_ns: LEAST_STEP_NS,
            steps: Vec::new(),
        }
    }

    /// Adds the figures of a moment.
    pub(super) fn push(&mut self, mono_ns: u64, figures: [Option<u64>; FIGURES]) {
        let since_ns = mono_ns.saturating_sub(self.begin_ns);
        while since_ns / self.step_ns >= MAX_STEPS as u64 {
            self.double();
        }
        let Ok(at) = usize::try_from(since_ns / self.step_ns) else {
            return;
        };
        if self.steps.len() <= at {
            self.steps.resize(at + 1, [Seen::Nothing; FIGURES]);
        }
        for (seen, figure) in self.steps[at].iter_mut().zip(figures) {
            *seen = seen.then(match figure {
                None => Seen::Unknown,
                Some(figure) => Seen::Known(Range {
                    first: figure,
                    least: figure,
                    most: figure,
                    last: figure,
                }),
            });
        }
    }

    /// Makes the steps twice as wide.
    fn double(&mut self) {
        self.step_ns = self.step_ns.saturating_mul(2);
        let pairs = self.steps.chunks(2).map(|pair| match pair {
            [a, b] => std::array::from_fn(|at| a[at].then(b[at])),
            [a, ..] => *a,
            [] => [Seen::Nothing; FIGURES],
        });
        self.steps = pairs.collect();
    }

    /// Time of a step.
    pub(super) fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// The steps of one figure, each with its beginning.
    pub(super) fn of(&self, figure: usize) -> Vec<(u64, Seen)> {
        let steps = self.steps.iter().zip(0_u64..);
        let steps = steps.map(|(seen, at)| {
            let begin_ns = self
                .begin_ns
                .saturating_add(at.saturating_mul(self.step_ns));
            (begin_ns, seen[figure])
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// No value is lost, whatever the length: the extremes stay, and the last one is the last.
    #[test]
    fn a_day_has_no_more_steps_than_a_minute() {
        for seconds in [1, 60, 3_600, 86_400] {
            let mut timeline = Timeline::<2>::beginning_at(7 * SECOND);
            for second in 0..seconds {
                let figure = if second == seconds / 2 {
                    1_000_000
                } else {
                    second
                };
                timeline.push((7 + second) * SECOND, [Some(figure), None]);
            }
            let steps = timeline.of(0);
            assert!(steps.len() <= MAX_STEPS, "{seconds}: {}", steps.len());
            let known: Vec<Range> = (steps.iter())
                .filter_map(|(_, seen)| match seen {
                    Seen::Known(range) => Some(*range),
                    Seen::Nothing | Seen::Unknown => None,
                })
                .collect();
            assert_eq!(known.iter().map(|one| one.most).max(), Some(1_000_000));
            assert_eq!(
                known.iter().map(|one| one.least).min(),
                Some(0).filter(|_| seconds > 1).or(Some(1_000_000))
            );
            assert!(steps.iter().any(|(begin_ns, _)| *begin_ns == 7 * SECOND));
            assert!(
                timeline
                    .of(1)
                    .iter()
                    .all(|(_, seen)| !matches!(seen, Seen::Known(_)))
            );
        }
    }

    #[test]
    fn times_of_a_broken_recording_are_no_endless_loop() {
        let mut timeline = Timeline::<1>::beginning_at(5);
        timeline.push(5, [Some(1)]);
        timeline.push(0, [Some(2)]);
        timeline.push(u64::MAX, [Some(3)]);
        let steps = timeline.of(0);
        assert!(steps.len() <= MAX_STEPS);
        let first = Range {
            first: 1,
            least: 1,
            most: 2,
            last: 2,
        };
        assert_eq!(steps[0].1, Seen::Known(first));
    }
}
