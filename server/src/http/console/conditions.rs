//! The sentence at the top of the first page.

use tealkeep_app::model as view;

use crate::house::{Sentence, Tone};

/// The sentence at the top.
pub(super) fn verdict(sentence: &Sentence) -> view::Verdict {
    view::Verdict {
        kind: match sentence.tone {
            Tone::Good => view::VerdictKind::Good,
            Tone::Busy => view::VerdictKind::Busy,
            Tone::Attention => view::VerdictKind::Attention,
            Tone::Bad => view::VerdictKind::Bad,
        },
        sentence: sentence.text.clone(),
        action: sentence.action.clone(),
    }
}
