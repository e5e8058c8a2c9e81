//! What the conditions of an app are assessed from, and what is found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tealkeep_words::condition::{Action, Condition, Key, Kind, Severity, title};

use crate::house::facts::{AppFacts, Facts};
use crate::names::AppName;

/// What is found, and what can't be told now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Assessment {
    /// What is found.
    pub found: BTreeMap<Key, Condition>,
    /// What can't be told: it stays as it was.
    pub unknown: BTreeSet<Key>,
}

/// One app among all that is known.
pub(super) struct About<'a> {
    pub facts: &'a Facts,
    pub app: &'a AppFacts,
}

/// What is said of something that is found.
pub(super) struct Words<'a> {
    /// In a few words, without the app's name.
    pub title: &'a str,
    /// One sentence for somebody who does not program.
    pub sentence: String,
    /// What happened and what to do.
    pub text: String,
}

impl About<'_> {
    pub fn name(&self) -> &AppName {
        &self.app.name
    }

    pub fn key(&self, kind: Kind) -> Key {
        Key::of(&self.app.name, kind)
    }

    pub fn is_open(&self, key: &Key) -> bool {
        self.facts.open.contains_key(key)
    }

    /// The path of one of the app's pages.
    pub fn page(&self, below: &str) -> String {
        format!("/apps/{}{below}", self.app.name)
    }

    pub fn condition(&self, key: Key, severity: Severity, words: Words<'_>) -> Condition {
        let page = self.page("/backups");
        Condition {
            key,
            severity,
            title: title(Some(&self.app.name), words.title),
            sentence: words.sentence,
            text: words.text,
            action: Action::go("Look at it", page.clone()),
            page,
            is_news: false,
            is_lasting: true,
            since: None,
            acknowledged: None,
        }
    }

    /// An instant as the household's wall shows it.
    pub fn local(&self, at: Timestamp) -> String {
        let at = at.to_zoned(self.facts.zone.clone());
        at.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

impl Assessment {
    pub fn add(&mut self, condition: Condition) {
        self.found.insert(condition.key.clone(), condition);
    }

    /// Leaves an app's conditions of these kinds as they are: nobody can look.
    pub fn keep(&mut self, about: &About<'_>, kinds: &[Kind]) {
        let open = about
            .facts
            .open
            .keys()
            .filter(|key| kinds.contains(&key.kind) && key.app.as_ref() == Some(about.name()));
        self.unknown.extend(open.cloned());
    }
}
