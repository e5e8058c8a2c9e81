//! What kept a worker from being judged: it failed, did not finish, or was asked something that nobody could answer.

use std::collections::HashSet;

use serde_json::Value;
use tealkeep_worker::play::{Round, Visit};
use tealkeep_worker::{Event, EventId, Fact, Failure};

use super::words;
use super::{Case, finding};
use crate::{Finding, Kind};

impl<'a> Case<'a> {
    /// What kept it from being judged, in one finding; a script that does not parse in another.
    pub(super) fn unfinished(&self) -> Vec<Finding> {
        let script = &self.record.registration.script;
        let mut findings = Vec::new();
        let mut reasons: Vec<String> = Vec::new();
        let last = self.record.visits.last();
        let is_offline = last.is_some_and(|visit| visit.round == Round::Offline);
        match &self.record.failure {
            None => {}
            Some(failure @ Failure::Unparsable { place, .. }) => {
                findings.push(finding(
                    Kind::Unparsable,
                    script.clone(),
                    format!(
                        "This check's engine can't parse the script: {failure}. Either it has a syntax error, and browsers \
                         refuse it too, or its syntax is newer than what the engine knows; then it can't be told what it \
                         does.{}",
                        self.line(place.as_ref())
                    ),
                    words::advice(Kind::Unparsable),
                ));
            }
            // Everything that is judged was seen by then; how a worker fares without a network is its own affair.
            Some(
                Failure::Limit { .. } | Failure::Unobtainable { .. } | Failure::Missing { .. },
            ) if is_offline => {}
            Some(failure) => {
                let place = match failure {
                    Failure::Threw { place, .. } | Failure::Unparsable { place, .. } => {
                        place.as_ref()
                    }
                    Failure::Unobtainable { .. }
                    | Failure::Missing { .. }
                    | Failure::Limit { .. }
                    | Failure::Engine { .. } => None,
                };
                let during = match last {
                    None => "While the script was loaded".to_owned(),
                    Some(visit) => match visit.ended {
                        None => words::during(Some(visit), visit.id),
                        Some(_) => format!("After {}", words::visit(visit)),
                    },
                };
                reasons.push(format!("{during}: {failure}.{}", self.line(place)));
            }
        }
        let mut missed = HashSet::new();
        for fact in &self.record.facts {
            if let Fact::Missed { name } = fact
                && missed.insert(name)
            {
                reasons.push(format!(
                    "It uses `{name}`, which this check's environment does not have."
                ));
            }
        }
        reasons.extend(self.rejected_while_loaded());
        for visit in &self.record.visits {
            reasons.extend(self.unsettled(visit));
        }
        reasons.extend(self.messages_that_threw());
        let count = reasons.len();
        if count > 0 {
            reasons.truncate(8);
            if count > reasons.len() {
                reasons.push(format!("And {} more.", count - reasons.len()));
            }
            findings.push(finding(
                Kind::CannotEvaluate,
                script.clone(),
                format!(
                    "It can't be told what this worker does, which is never taken for a pass.\n{}",
                    reasons.join("\n")
                ),
                words::advice(Kind::CannotEvaluate),
            ));
        }
        findings
    }

    /// What an event left open that a page or a browser waits for.
    fn unsettled(&self, visit: &Visit) -> Option<String> {
        let ended = visit.ended.as_ref()?;
        if !visit.round.has_network() {
            return None;
        }
        let thrown = || {
            let place = self.record.facts.iter().find_map(|fact| match fact {
                Fact::Threw { event, place, .. } if *event == visit.id => place.as_ref(),
                _ => None,
            });
            self.line(place)
        };
        match &visit.event {
            Event::Install => match (&ended.rejected, ended.pending) {
                (Some(why), _) => Some(format!(
                    "Its installation was rejected, so that a browser drops it: {why}.{}",
                    thrown()
                )),
                (None, true) => Some(
                    "Its installation never ended: something given to `waitUntil` never settled."
                        .to_owned(),
                ),
                (None, false) => None,
            },
            Event::Activate if ended.pending => Some(
                "Its activation never ended: something given to `waitUntil` never settled."
                    .to_owned(),
            ),
            Event::Fetch { .. } if ended.answered.is_none() => {
                match (&ended.rejected, ended.pending) {
                    // The page gets the network's answer. A request of the worker's own that went nowhere, such as a
                    // POST that a check does not send, is no error of the script.
                    (Some(why), _) if !ended.responded => {
                        (!self.asked_in_vain(visit.id)).then(|| {
                            format!(
                                "With the network up, {} was left to the network, and what was given to `waitUntil` was \
                                 rejected, so that what it would have done can't be told: {why}.{}",
                                words::visit(visit),
                                thrown()
                            )
                        })
                    }
                    // In a browser it may settle: a page answers a message, a request comes back.
                    (None, true) if !ended.responded => {
                        (!self.asked_in_vain(visit.id)).then(|| {
                            format!(
                                "With the network up, {} was left to the network, and what was given to `waitUntil` never \
                                 settled, so that what it would have done can't be told.",
                                words::visit(visit)
                            )
                        })
                    }
                    (Some(why), _) => Some(format!(
                        "With the network up, {} got an error instead of an answer: {why}.{}",
                        words::visit(visit),
                        thrown()
                    )),
                    (None, true) => Some(format!(
                        "With the network up, {} was never answered: what was given to `respondWith` never settled.",
                        words::visit(visit)
                    )),
                    (None, false) => self.threw(visit.id).map(|why| {
                        format!(
                            "With the network up, {} was left to the network after an error that nobody caught, so \
                             that what it would have done can't be told: {why}.{}",
                            words::visit(visit),
                            thrown()
                        )
                    }),
                }
            }
            // What these leave open, nobody waits for: a message that no page of theirs sent, a client that never
            // answers back.
            Event::Activate
            | Event::Fetch { .. }
            | Event::Message { .. }
            | Event::Push { .. }
            | Event::Sync { .. }
            | Event::PeriodicSync { .. }
            | Event::NotificationClick { .. }
            | Event::PushSubscriptionChange => None,
        }
    }

    /// A promise that was rejected while the script was loaded, and that nobody handled.
    fn rejected_while_loaded(&self) -> Option<String> {
        let why = self.threw(0)?;
        let place = self.record.facts.iter().find_map(|fact| match fact {
            Fact::Threw {
                event: 0, place, ..
            } => place.as_ref(),
            _ => None,
        });
        Some(format!(
            "While the script was loaded, an error came up that nobody caught, so that what it would have done can't be \
             told: {why}.{}",
            self.line(place)
        ))
    }

    /// The messages that the worker waits for, or that its pages send, and that it threw on however they were put.
    fn messages_that_threw(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let threw_on_all = |is_meant: &dyn Fn(&Value) -> bool| {
            let mut last = None;
            for visit in self.record.visits.iter().filter(|v| v.round.has_network()) {
                let Event::Message { data, .. } = &visit.event else {
                    continue;
                };
                if is_meant(data) {
                    let why = self.failed(visit)?;
                    last = Some(format!(
                        "With the network up, {} ended in an error: {why}.",
                        words::visit(visit)
                    ));
                }
            }
            last
        };
        for (field, word) in &self.heard.words.messages {
            let is_meant = |data: &Value| match field.as_str() {
                "data" => data.as_str() == Some(word),
                field => data.get(field).and_then(Value::as_str) == Some(word),
            };
            reasons.extend(threw_on_all(&is_meant));
        }
        for sent in self.heard.sent.iter().filter(|sent| is_told_whole(sent)) {
            let reason = threw_on_all(&|data: &Value| data == sent);
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        reasons
    }

    /// The error that a listener of an event ended in.
    fn failed(&self, visit: &Visit) -> Option<String> {
        if self.asked_in_vain(visit.id) {
            return None;
        }
        let rejected = visit
            .ended
            .as_ref()
            .and_then(|ended| ended.rejected.clone());
        self.threw(visit.id).map(str::to_owned).or(rejected)
    }

    /// Whether a request that was sent during an event got no answer.
    fn asked_in_vain(&self, during: EventId) -> bool {
        self.fetches
            .values()
            .any(|fetched| fetched.event == during && fetched.has_failed)
    }

    /// What a listener threw; not what came of a request of its own that went nowhere, which is no matter of the
    /// script's.
    fn threw(&self, during: EventId) -> Option<&'a str> {
        let mut threw = None;
        for fact in &self.record.facts {
            match fact {
                Fact::Threw { event, text, .. } if *event == during => {
                    threw.get_or_insert(text.as_str());
                }
                Fact::Fetched {
                    event,
                    error: Some(_),
                    ..
                } if *event == during => return None,
                Fact::Fetched { .. }
                | Fact::Stored { .. }
                | Fact::Removed { .. }
                | Fact::Dropped { .. }
                | Fact::Said { .. }
                | Fact::Threw { .. }
                | Fact::Missed { .. } => {}
            }
        }
        threw
    }
}

/// Whether every field of a message could be told.
fn is_told_whole(message: &Value) -> bool {
    match message {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(is_told_whole),
        Value::Object(fields) => fields.values().all(is_told_whole),
    }
}
