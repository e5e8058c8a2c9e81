//! A colour as the pages name it.

use tealkeep_app::model as view;

use crate::names::Colour;

/// The colour for a page.
pub(super) fn colour_of(colour: Colour) -> view::Colour {
    match colour {
        Colour::Blue => view::Colour::Blue,
        Colour::Green => view::Colour::Green,
    }
}
