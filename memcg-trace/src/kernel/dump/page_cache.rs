//! The pages of a dump that were unpacked last.

use super::pages::PAGE_BYTES;

/// Number of pages that are kept: 8 MiB.
const PAGES: usize = 2048;

type Page = Box<[u8; PAGE_BYTES]>;

/// Pages, each at one place that its number says.
pub(super) struct PageCache {
    places: Vec<Option<(u64, Page)>>,
}

impl Default for PageCache {
    fn default() -> Self {
        let mut places = Vec::new();
        places.resize_with(PAGES, || None);
        Self { places }
    }
}

impl PageCache {
    /// The page with a number; if it is not kept, `read` fills it in.
    pub(super) fn get<E>(
        &mut self,
        number: u64,
        read: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<&[u8; PAGE_BYTES], E> {
        let at = usize::try_from(number % PAGES as u64).unwrap_or(0);
        let place = &mut self.places[at];
        let kept = place.take_if(|(kept, _)| *kept == number);
        let page = match kept {
            Some((_, page)) => page,
            None => {
                let mut page = match place.take() {
                    Some((_, page)) => page,
                    None => Box::new([0; PAGE_BYTES]),
                };
                read(&mut page[..])?;
                page
            }
        };
        Ok(&place.insert((number, page)).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_once_and_a_failure_is_not_kept() {
        let mut cache = PageCache::default();
        let fill = |with: u8| {
            move |page: &mut [u8]| {
                page.fill(with);
                Ok::<(), ()>(())
            }
        };
        let fail = |_: &mut [u8]| Err(());
        let first = 5;
        let same_place = first + PAGES as u64;
        assert_eq!(cache.get(first, fill(1)).unwrap()[0], 1);
        assert_eq!(cache.get(first, fail).unwrap()[0], 1);
        assert_eq!(cache.get(same_place, fail), Err(()));
        assert_eq!(cache.get(same_place, fill(2)).unwrap()[0], 2);
        assert_eq!(cache.get(first, fill(3)).unwrap()[0], 3);
    }
}
