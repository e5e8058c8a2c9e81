//! What a page hands to the document around it: its content, its title and its state.

use jiff::Timestamp;
use leptos::prelude::AnyView;

/// A page's content, and what the document needs to know about it.
pub(crate) struct Content {
    /// The title without the product's name; it says the state.
    pub title: String,
    /// The class of `<main>`.
    pub class: &'static str,
    /// Whether something is in progress, so that a browser without the script should reload soon.
    pub busy: bool,
    /// The content of `<main>`.
    pub body: AnyView,
    /// When the figures were true, if that is earlier than the page itself.
    pub as_of: Option<Timestamp>,
}

impl Content {
    /// A page that shows information.
    pub(crate) fn wide(title: impl Into<String>, body: AnyView) -> Content {
        Content {
            title: title.into(),
            class: "wide",
            busy: false,
            body,
            as_of: None,
        }
    }

    /// A page with one list.
    pub(crate) fn middle(title: impl Into<String>, body: AnyView) -> Content {
        Content {
            class: "middle",
            ..Content::wide(title, body)
        }
    }

    /// A page that asks or says one thing.
    pub(crate) fn narrow(title: impl Into<String>, body: AnyView) -> Content {
        Content {
            class: "narrow",
            ..Content::wide(title, body)
        }
    }

    /// The same page, with something in progress or not.
    pub(crate) fn busy(self, busy: bool) -> Content {
        Content { busy, ..self }
    }
}
