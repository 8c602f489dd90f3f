//! The tabs of the screen.

use super::view::View;
use super::{findings, locks, memcgs, origins, overview, reclaim, shrinkers, slab_view, zombies};

pub(super) fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(overview::Overview::default()),
        Box::new(memcgs::Memcgs::default()),
        Box::new(zombies::Zombies::default()),
        Box::new(origins::Origins::default()),
        Box::new(slab_view::Slabs::default()),
        Box::new(shrinkers::view()),
        Box::new(reclaim::view()),
        Box::new(locks::Locks::default()),
        Box::new(findings::Findings::default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::section_view::SectionView;

    #[test]
    fn no_two_tabs_have_one_name_and_each_has_help() {
        let views = all();
        for (at, view) in views.iter().enumerate() {
            let mut others = views[at + 1..].iter();
            assert!(!others.any(|other| other.name() == view.name()));
            let has_words = !view.columns().is_empty() || !view.words().is_empty();
            assert!(has_words, "{}", view.name());
        }
    }

    #[test]
    fn a_tab_without_pictures_leaves_no_room_for_them() {
        assert!(shrinkers::view().picture_rows() > 1);
        let without = SectionView {
            pictures: (0, |_, _| Vec::new()),
            ..shrinkers::view()
        };
        assert_eq!(without.picture_rows(), 0);
    }
}
