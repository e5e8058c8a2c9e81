//! The pages by name: where each is, and its tab.

/// The pages, in the order of the tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Page {
    /// What matters today.
    Today,
    /// All chores.
    Chores,
    /// Doses, due and taken.
    Medicine,
    /// The shopping list.
    Shopping,
}

impl Page {
    pub(super) const ALL: [Page; 4] = [Page::Today, Page::Chores, Page::Medicine, Page::Shopping];

    /// Where it is.
    pub(in super::super) fn path(self) -> &'static str {
        match self {
            Page::Today => "/",
            Page::Chores => "/chores",
            Page::Medicine => "/medicine",
            Page::Shopping => "/shopping",
        }
    }

    /// The page at this path.
    pub(in super::super) fn at(path: &str) -> Option<Page> {
        Page::ALL.into_iter().find(|page| page.path() == path)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Page::Today => "Today",
            Page::Chores => "Chores",
            Page::Medicine => "Medicine",
            Page::Shopping => "Shopping",
        }
    }

    /// The shape of its tab's icon, in a square of 24.
    pub(super) fn icon(self) -> &'static str {
        match self {
            Page::Today => "M4 11.5 12 5l8 6.5M6.5 10.5V19h11v-8.5",
            Page::Chores => "M4 7l1.5 1.5L8 6M4 16l1.5 1.5L8 15M12 7.5h8M12 16.5h8",
            Page::Medicine => "M10.5 19.5a4.24 4.24 0 0 1-6-6l9-9a4.24 4.24 0 0 1 6 6zM8.5 9.5l6 6",
            Page::Shopping => "M6 8h12l1 11.5H5zM9 10.5V7a3 3 0 0 1 6 0v3.5",
        }
    }
}
